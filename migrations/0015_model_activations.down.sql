DROP TABLE model_activations;

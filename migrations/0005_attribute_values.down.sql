DROP TABLE attribute_values;

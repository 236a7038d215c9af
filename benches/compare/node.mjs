// A grpc-js server that returns the bytes of a file, from a Map, whatever is asked; prints its port. Needs @grpc/grpc-js in NODE_PATH.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const grpc = createRequire(import.meta.url)("@grpc/grpc-js");
const answers = new Map([["key", readFileSync(process.argv[2])]]);
const same = (bytes) => bytes;
const service = {
  Classify: {
    path: "/patron.v1.ScoringService/Classify",
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
};
const server = new grpc.Server();
server.addService(service, { Classify: (_, answer) => answer(null, answers.get("key")) });
const plain = grpc.ServerCredentials.createInsecure();
server.bindAsync("127.0.0.1:0", plain, (error, port) => {
  if (error) throw error;
  console.log(port);
});

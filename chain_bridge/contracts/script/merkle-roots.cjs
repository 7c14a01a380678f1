// Reads JSON lines, each a list of [chainId, distributor, payee, amount], and writes root and proofs of each by
// OpenZeppelin's own library: the reference that chain_bridge/merkle.py is tested against.
"use strict";

const readline = require("node:readline");
const { StandardMerkleTree } = require("@openzeppelin/merkle-tree");

const LEAF = ["uint256", "address", "address", "uint256"];

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const rows = JSON.parse(line);
  const tree = StandardMerkleTree.of(rows, LEAF);
  process.stdout.write(JSON.stringify({ root: tree.root, proofs: rows.map((_, index) => tree.getProof(index)) }) + "\n");
});

// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title Builds the roots and proofs that the tests publish and claim with
/// @dev The tree is an array of 2n-1 nodes with the root first and the leaves last, in reverse order.
library MerkleTree {
    function leaf(address distributor, address payee, uint256 amount) internal view returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(block.chainid, distributor, payee, amount))));
    }

    function build(bytes32[] memory leaves) internal pure returns (bytes32[] memory tree) {
        uint256 count = leaves.length;
        tree = new bytes32[](2 * count - 1);
        for (uint256 i = 0; i < count; ++i) {
            tree[tree.length - 1 - i] = leaves[i];
        }
        for (uint256 i = count - 1; i > 0; --i) {
            tree[i - 1] = Hashes.commutativeKeccak256(tree[2 * i - 1], tree[2 * i]);
        }
    }

    function proof(bytes32[] memory tree, uint256 leafNumber) internal pure returns (bytes32[] memory path) {
        uint256 index = tree.length - 1 - leafNumber;
        uint256 length = 0;
        for (uint256 i = index; i > 0; i = (i - 1) / 2) {
            ++length;
        }
        path = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            path[i] = tree[index % 2 == 1 ? index + 1 : index - 1];
            index = (index - 1) / 2;
        }
    }
}

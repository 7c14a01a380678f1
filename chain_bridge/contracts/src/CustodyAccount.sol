// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ICustodyAccount} from "./interfaces/ICustodyAccount.sol";

/// @title Account of one organisation that has no wallet of its own
/// @notice See {ICustodyAccount}. Every account is a minimal proxy (ERC-1167) of one implementation, whose code names
/// the factory, so an account has no storage and cannot be initialised by anyone.
contract CustodyAccount is ERC721Holder, ERC1155Holder, ICustodyAccount {
    address private immutable _factory = msg.sender;

    /// @inheritdoc ICustodyAccount
    function execute(address target, bytes calldata data) external returns (bytes memory result) {
        if (msg.sender != _factory) revert CustodyAccountNotFactory(msg.sender);
        return Address.functionCall(target, data);
    }
}

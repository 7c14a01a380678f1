// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Holds tokens, licences, shares and assets for one organisation
/// @notice It acts only when its factory, {ICustodyAccounts}, tells it to.
interface ICustodyAccount {
    /// @notice Only the factory that created the account may use it.
    /// @param caller Who called.
    error CustodyAccountNotFactory(address caller);

    /// @notice Calls a contract as this account. What the call reverts with is passed on.
    /// @param target The contract.
    /// @param data The encoded call.
    /// @return result What the call returned.
    function execute(address target, bytes calldata data) external returns (bytes memory result);
}

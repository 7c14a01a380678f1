// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Accounts for organisations that have no wallet of their own
/// @notice An account's address follows from the organisation's id alone (CREATE2), so it can own assets, licences,
/// shares and tokens before anything is deployed there. Nothing is deployed until something must leave it.
interface ICustodyAccounts {
    /// @notice An account's code was deployed, at its first use.
    /// @param organisation The organisation's UUID, padded with zeros on the left.
    /// @param account The account's address.
    event CustodyAccountCreated(bytes32 indexed organisation, address indexed account);

    /// @notice The operator acted for an organisation.
    /// @param organisation The organisation's UUID, padded with zeros on the left.
    /// @param target The contract that was called.
    /// @param data The encoded call.
    event CustodyExecuted(bytes32 indexed organisation, address indexed target, bytes data);

    /// @notice Calls a contract as an organisation's account, deploying the account at its first use. What the call
    /// reverts with is passed on.
    /// @param organisation The organisation's UUID, padded with zeros on the left.
    /// @param target The contract to call.
    /// @param data The encoded call.
    /// @return result What the call returned.
    function execute(bytes32 organisation, address target, bytes calldata data) external returns (bytes memory result);

    /// @notice The contract that all accounts are minimal proxies (ERC-1167) of.
    /// @return implementation Its address.
    function accountImplementation() external view returns (address implementation);

    /// @notice The address of an organisation's account, whether it is deployed or not.
    /// @param organisation The organisation's UUID, padded with zeros on the left.
    /// @return account The address.
    function accountOf(bytes32 organisation) external view returns (address account);
}

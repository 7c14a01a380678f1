// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title The admin of all contracts: what it decides is public before it takes effect
/// @notice OpenZeppelin's TimelockController, administered by itself alone. It holds the admin role of every contract
/// of a deployment, so roles can change only after the delay, in which anyone can see the change coming.
contract Timelock is TimelockController {
    /// @notice Creates a timelock that has no admin but itself.
    /// @param minDelayS Seconds between proposal and execution.
    /// @param proposers Who may propose and cancel.
    /// @param executors Who may execute what is due.
    constructor(uint256 minDelayS, address[] memory proposers, address[] memory executors)
        TimelockController(minDelayS, proposers, executors, address(0))
    {}
}

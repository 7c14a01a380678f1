// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Keeps the head of the platform's chain of ledger checkpoints
/// @notice Each checkpoint's head is a hash over all transfers before it, so a head that is public here makes any later
/// change of a past transfer visible to whoever recomputes it.
interface ILedgerAnchor {
    /// @notice A checkpoint's head became public.
    /// @param number Number of the checkpoint.
    /// @param head Its hash.
    event HeadCommitted(uint64 indexed number, bytes32 indexed head);

    /// @notice Checkpoints are committed in rising order.
    /// @param number The number given.
    /// @param latest The newest number here.
    error LedgerAnchorNotNewer(uint64 number, uint64 latest);

    /// @notice A head must not be zero.
    error LedgerAnchorEmptyHead();

    /// @notice Commits the head of a checkpoint.
    /// @param number Number of the checkpoint: higher than any before.
    /// @param head Its hash.
    function commit(uint64 number, bytes32 head) external;

    /// @notice The newest checkpoint here.
    /// @return number Its number; 0 before the first.
    /// @return head Its hash.
    function latest() external view returns (uint64 number, bytes32 head);
}

// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Pays any number of payees with one transaction for all, by a cumulative Merkle root
/// @notice Each epoch publishes one root over what every payee has earned since the beginning. A payee takes the
/// difference to what was paid before, so nobody is paid twice and a missed epoch loses nothing. Leaves are
/// `keccak256(keccak256(abi.encode(chainId, distributor, payee, cumulativeAmount)))`, the leaves of OpenZeppelin's
/// StandardMerkleTree of type (uint256, address, address, uint256).
interface IPayoutDistributor {
    /// @notice An epoch was published, with the funds for it.
    /// @param epoch Number of the epoch, from 1, without gaps.
    /// @param root Merkle root over the cumulative amounts.
    /// @param cumulativeTotal Sum of all cumulative amounts in the tree.
    event RootPublished(uint64 indexed epoch, bytes32 indexed root, uint256 cumulativeTotal);

    /// @notice A payee was paid.
    /// @param payee Who was paid.
    /// @param amount What was paid now.
    /// @param cumulativeAmount What was paid to this payee since the beginning.
    event Claimed(address indexed payee, uint256 amount, uint256 cumulativeAmount);

    /// @notice Epochs are published one by one, in order.
    /// @param epoch The epoch given.
    /// @param expected The epoch that is next.
    error PayoutDistributorEpochOutOfOrder(uint64 epoch, uint64 expected);

    /// @notice The cumulative total can only grow.
    /// @param cumulativeTotal The total given.
    /// @param current The total of the epoch before.
    error PayoutDistributorTotalDecreased(uint256 cumulativeTotal, uint256 current);

    /// @notice The total does not fit its storage.
    /// @param cumulativeTotal The total given.
    error PayoutDistributorTotalTooLarge(uint256 cumulativeTotal);

    /// @notice A root must not be zero.
    error PayoutDistributorEmptyRoot();

    /// @notice The proof does not lead from this payee and amount to the current root.
    /// @param payee The payee given.
    /// @param cumulativeAmount The amount given.
    error PayoutDistributorInvalidProof(address payee, uint256 cumulativeAmount);

    /// @notice This payee has been paid that much already.
    /// @param payee The payee given.
    /// @param claimed What was paid since the beginning.
    error PayoutDistributorNothingToClaim(address payee, uint256 claimed);

    /// @notice Publishes the next epoch and takes the funds that it adds from the caller.
    /// @param epoch Its number: one more than the epoch before.
    /// @param root Merkle root over the cumulative amounts.
    /// @param cumulativeTotal Sum of all cumulative amounts in the tree.
    function setRoot(uint64 epoch, bytes32 root, uint256 cumulativeTotal) external;

    /// @notice Pays a payee what the current root owes. Anyone may call it: the money always goes to the payee.
    /// @param payee Who is paid.
    /// @param cumulativeAmount The payee's cumulative amount in the current tree.
    /// @param proof Sibling hashes from the leaf to the root.
    /// @return amount What was paid now.
    function claim(address payee, uint256 cumulativeAmount, bytes32[] calldata proof) external returns (uint256 amount);

    /// @notice Stops publishing and claiming.
    function pause() external;

    /// @notice Resumes publishing and claiming.
    function unpause() external;

    /// @notice The token that is paid out.
    /// @return token Its address.
    function payoutToken() external view returns (address token);

    /// @notice The epoch in force.
    /// @return epoch Its number; 0 before the first.
    /// @return root Its Merkle root.
    /// @return cumulativeTotal Its total.
    function current() external view returns (uint64 epoch, bytes32 root, uint256 cumulativeTotal);

    /// @notice What a payee was paid since the beginning.
    /// @param payee The payee.
    /// @return amount The cumulative amount paid.
    function claimed(address payee) external view returns (uint256 amount);
}

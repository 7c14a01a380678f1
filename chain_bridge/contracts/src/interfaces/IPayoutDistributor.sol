// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Pays any number of payees with one transaction for all, by a cumulative Merkle root
/// @notice Each epoch publishes one root over what every payee has earned since the beginning. A payee takes the
/// difference to what was paid before, so nobody is paid twice and a missed epoch loses nothing. Leaves are
/// `keccak256(keccak256(abi.encode(chainId, distributor, payee, cumulativeAmount)))`, the leaves of OpenZeppelin's
/// StandardMerkleTree of type (uint256, address, address, uint256).
interface IPayoutDistributor {
    /// @notice An epoch was published, with the funds for it.
    /// @param previousRoot The root it took the place of; zero for the first.
    /// @param root Merkle root over the cumulative amounts.
    /// @param amount What came in with it: by how much the cumulative amounts grew.
    event RootPublished(bytes32 indexed previousRoot, bytes32 indexed root, uint256 amount);

    /// @notice A payee was paid.
    /// @param payee Who was paid.
    /// @param amount What was paid now.
    /// @param cumulativeAmount What was paid to this payee since the beginning.
    event Claimed(address indexed payee, uint256 amount, uint256 cumulativeAmount);

    /// @notice What is owed to a payee may be recovered unless somebody claims it for the payee before.
    /// @param payee The payee.
    /// @param recoverableAt From when on, in seconds since 1970.
    event RecoveryAnnounced(address indexed payee, uint256 recoverableAt);

    /// @notice What a payee had not claimed in time was recovered.
    /// @param payee Whose claim it was.
    /// @param to Who received it.
    /// @param amount What was recovered now.
    /// @param cumulativeAmount What was paid or recovered for this payee since the beginning.
    event Recovered(address indexed payee, address indexed to, uint256 amount, uint256 cumulativeAmount);

    /// @notice Another root is in force than the publisher thinks: a repeated or an overtaken transaction.
    /// @param given The root that the publisher took for the current one.
    /// @param current The root in force.
    error PayoutDistributorRootChanged(bytes32 given, bytes32 current);

    /// @notice A root must not be zero, nor the one in force.
    /// @param root The root given.
    error PayoutDistributorInvalidRoot(bytes32 root);

    /// @notice The token delivered less than the epoch needs.
    /// @param amount What had to come in.
    error PayoutDistributorFundsMissing(uint256 amount);

    /// @notice The proof does not lead from this payee and amount to the current root.
    /// @param payee The payee given.
    /// @param cumulativeAmount The amount given.
    error PayoutDistributorInvalidProof(address payee, uint256 cumulativeAmount);

    /// @notice This payee has been paid that much already.
    /// @param payee The payee given.
    /// @param claimed What was paid since the beginning.
    error PayoutDistributorNothingToClaim(address payee, uint256 claimed);

    /// @notice The recovery was not announced, or its time has not come.
    /// @param payee The payee given.
    /// @param recoverableAt From when on it may be; 0 when it was not announced, or a claim came after.
    error PayoutDistributorNotRecoverable(address payee, uint256 recoverableAt);

    /// @notice Publishes the next epoch and takes the funds that it adds from the caller. Naming the root that it
    /// replaces makes a repeated or overtaken transaction fail instead of paying twice.
    /// @param previousRoot The root in force; zero before the first epoch.
    /// @param newRoot Merkle root over the cumulative amounts.
    /// @param amount By how much the sum of the cumulative amounts grew.
    function setRoot(bytes32 previousRoot, bytes32 newRoot, uint256 amount) external;

    /// @notice Pays a payee what the current root owes. Anyone may call it: the money always goes to the payee.
    /// @param payee Who is paid.
    /// @param cumulativeAmount The payee's cumulative amount in the current tree.
    /// @param proof Sibling hashes from the leaf to the root.
    /// @return amount What was paid now.
    function claim(address payee, uint256 cumulativeAmount, bytes32[] calldata proof) external returns (uint256 amount);

    /// @notice Starts the time after which a payee's unclaimed money may be recovered. Any claim for the payee in that
    /// time takes the announcement back; announcing again starts the time again.
    /// @param payee The payee.
    function announceRecovery(address payee) external;

    /// @notice Recovers all that the current root owes to a payee, `RECOVERY_DELAY` after the announcement.
    /// @param payee The payee.
    /// @param cumulativeAmount The payee's cumulative amount in the current tree.
    /// @param proof Sibling hashes from the leaf to the root.
    /// @param to Who receives it.
    /// @return amount What was recovered now.
    function recover(address payee, uint256 cumulativeAmount, bytes32[] calldata proof, address to)
        external
        returns (uint256 amount);

    /// @notice The token that is paid out.
    /// @return token Its address.
    function payoutToken() external view returns (address token);

    /// @notice The root in force, also while the contract is paused; zero before the first epoch.
    /// @return current The Merkle root.
    function root() external view returns (bytes32 current);

    /// @notice What a payee was paid since the beginning, what was recovered included.
    /// @param payee The payee.
    /// @return amount The cumulative amount.
    function claimed(address payee) external view returns (uint256 amount);

    /// @notice From when on a payee's unclaimed money may be recovered.
    /// @param payee The payee.
    /// @return at Seconds since 1970; 0 when nothing is announced.
    function recoverableAt(address payee) external view returns (uint256 at);
}

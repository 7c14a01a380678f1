// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {IPayoutDistributor} from "./interfaces/IPayoutDistributor.sol";

/// @title Cumulative Merkle distributor of one token
/// @notice See {IPayoutDistributor}. The funds of an epoch come in with its root, from the publisher, so the balance is
/// always the published total less what was claimed; tokens that are sent here otherwise stay here.
/// @dev State changes precede the token transfer in `claim`, so a hostile token cannot claim twice by re-entering.
contract PayoutDistributor is AccessControl, Pausable, IPayoutDistributor {
    using SafeERC20 for IERC20;

    /// @notice Role that publishes epochs and pays for them.
    bytes32 public constant PUBLISHER_ROLE = keccak256("PUBLISHER_ROLE");
    /// @notice Role that pauses and resumes.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    IERC20 private immutable _token;
    bytes32 private _root;
    uint64 private _epoch;
    uint192 private _cumulativeTotal;
    mapping(address payee => uint256 amount) private _claimed;

    /// @notice Creates a distributor without an epoch.
    /// @param token The token to pay out.
    /// @param admin May grant and revoke roles, and holds the pauser role.
    /// @param publisher First holder of the publisher role.
    constructor(IERC20 token, address admin, address publisher) {
        _token = token;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
        _grantRole(PUBLISHER_ROLE, publisher);
    }

    /// @inheritdoc IPayoutDistributor
    function setRoot(uint64 epoch, bytes32 root, uint256 cumulativeTotal)
        external
        onlyRole(PUBLISHER_ROLE)
        whenNotPaused
    {
        uint64 expected = _epoch + 1;
        uint256 before = _cumulativeTotal;
        if (epoch != expected) revert PayoutDistributorEpochOutOfOrder(epoch, expected);
        if (root == bytes32(0)) revert PayoutDistributorEmptyRoot();
        if (cumulativeTotal < before) revert PayoutDistributorTotalDecreased(cumulativeTotal, before);
        if (cumulativeTotal > type(uint192).max) revert PayoutDistributorTotalTooLarge(cumulativeTotal);
        _epoch = epoch;
        _root = root;
        // forge-lint: disable-next-line(unsafe-typecast)
        _cumulativeTotal = uint192(cumulativeTotal);
        emit RootPublished(epoch, root, cumulativeTotal);
        _token.safeTransferFrom(msg.sender, address(this), cumulativeTotal - before);
    }

    /// @inheritdoc IPayoutDistributor
    function claim(address payee, uint256 cumulativeAmount, bytes32[] calldata proof)
        external
        whenNotPaused
        returns (uint256 amount)
    {
        if (!MerkleProof.verifyCalldata(proof, _root, _leaf(payee, cumulativeAmount))) {
            revert PayoutDistributorInvalidProof(payee, cumulativeAmount);
        }
        uint256 before = _claimed[payee];
        if (cumulativeAmount <= before) revert PayoutDistributorNothingToClaim(payee, before);
        amount = cumulativeAmount - before;
        _claimed[payee] = cumulativeAmount;
        emit Claimed(payee, amount, cumulativeAmount);
        _token.safeTransfer(payee, amount);
    }

    /// @inheritdoc IPayoutDistributor
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IPayoutDistributor
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @inheritdoc IPayoutDistributor
    function payoutToken() external view returns (address token) {
        return address(_token);
    }

    /// @inheritdoc IPayoutDistributor
    function current() external view returns (uint64 epoch, bytes32 root, uint256 cumulativeTotal) {
        return (_epoch, _root, _cumulativeTotal);
    }

    /// @inheritdoc IPayoutDistributor
    function claimed(address payee) external view returns (uint256 amount) {
        return _claimed[payee];
    }

    // Hashed twice so that no inner node of the tree, which is a hash of 64 bytes, can pass for a leaf; bound to the
    // chain and this contract so that a proof is worth nothing elsewhere.
    function _leaf(address payee, uint256 cumulativeAmount) private view returns (bytes32 leaf) {
        return keccak256(bytes.concat(keccak256(abi.encode(block.chainid, address(this), payee, cumulativeAmount))));
    }
}

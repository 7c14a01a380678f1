// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {OperatedByRole} from "./OperatedByRole.sol";
import {IPayoutDistributor} from "./interfaces/IPayoutDistributor.sol";

/// @title Cumulative Merkle distributor of one token
/// @notice See {IPayoutDistributor}. The funds of an epoch come in with its root, from the publisher, so the balance
/// covers what is published and not claimed; tokens that are sent here otherwise stay here.
/// @dev State changes precede the token transfers, so a hostile token cannot claim twice by re-entering. While the
/// contract is paused the root stands aside and its slot is zero: publishing and claiming read one slot, not two.
contract PayoutDistributor is OperatedByRole, IPayoutDistributor {
    using SafeERC20 for IERC20;

    /// @notice What a payee has received, and from when on the rest may be recovered (0: not announced).
    /// @param amount Paid since the beginning.
    /// @param recoverableAt Time, in seconds since 1970.
    struct Payment {
        uint192 amount;
        uint64 recoverableAt;
    }

    /// @notice Role that publishes epochs and pays for them.
    bytes32 public constant PUBLISHER_ROLE = keccak256("PUBLISHER_ROLE");
    /// @notice Role that recovers what nobody claimed.
    bytes32 public constant RECOVERER_ROLE = keccak256("RECOVERER_ROLE");
    /// @notice Seconds between the announcement of a recovery and the recovery: 365 days.
    uint256 public constant RECOVERY_DELAY = 365 days;

    IERC20 private immutable _token;
    bytes32 private _root;
    bytes32 private _rootWhilePaused;
    mapping(address payee => Payment payment) private _payments;

    /// @notice Creates a distributor without an epoch.
    /// @param token The token to pay out.
    /// @param admin May grant and revoke roles.
    /// @param publisher First holder of the publisher role.
    /// @param pauser First holder of the pauser role.
    /// @param recoverer First holder of the recoverer role.
    constructor(IERC20 token, address admin, address publisher, address pauser, address recoverer)
        OperatedByRole(admin, pauser, PUBLISHER_ROLE, publisher)
    {
        _token = token;
        _grantRole(RECOVERER_ROLE, recoverer);
    }

    /// @inheritdoc IPayoutDistributor
    function setRoot(bytes32 previousRoot, bytes32 newRoot, uint256 amount) external onlyOperator {
        bytes32 current = _root;
        if (current == bytes32(0)) _requireNotPaused();
        if (current != previousRoot) revert PayoutDistributorRootChanged(previousRoot, current);
        if (newRoot == bytes32(0) || newRoot == current) revert PayoutDistributorInvalidRoot(newRoot);
        _root = newRoot;
        emit RootPublished(previousRoot, newRoot, amount);
        // The first epoch proves that the token delivers what it is told to; later ones need not pay for that again.
        uint256 before = current == bytes32(0) ? _token.balanceOf(address(this)) : 0;
        _token.safeTransferFrom(msg.sender, address(this), amount);
        if (current == bytes32(0) && _token.balanceOf(address(this)) - before < amount) {
            revert PayoutDistributorFundsMissing(amount);
        }
    }

    /// @inheritdoc IPayoutDistributor
    function claim(address payee, uint256 cumulativeAmount, bytes32[] calldata proof)
        external
        returns (uint256 amount)
    {
        amount = _settle(payee, cumulativeAmount, proof);
        emit Claimed(payee, amount, cumulativeAmount);
        _token.safeTransfer(payee, amount);
    }

    /// @inheritdoc IPayoutDistributor
    function announceRecovery(address payee) external onlyRole(RECOVERER_ROLE) whenNotPaused {
        // A year of delay does not turn on the seconds by which a block's time can be off.
        // solhint-disable-next-line not-rely-on-time
        uint256 at = block.timestamp + RECOVERY_DELAY;
        // forge-lint: disable-next-line(unsafe-typecast)
        _payments[payee].recoverableAt = uint64(at);
        emit RecoveryAnnounced(payee, at);
    }

    /// @inheritdoc IPayoutDistributor
    function recover(address payee, uint256 cumulativeAmount, bytes32[] calldata proof, address to)
        external
        onlyRole(RECOVERER_ROLE)
        returns (uint256 amount)
    {
        uint256 at = _payments[payee].recoverableAt;
        // solhint-disable-next-line not-rely-on-time
        if (at == 0 || block.timestamp < at) revert PayoutDistributorNotRecoverable(payee, at);
        amount = _settle(payee, cumulativeAmount, proof);
        emit Recovered(payee, to, amount, cumulativeAmount);
        _token.safeTransfer(to, amount);
    }

    /// @inheritdoc IPayoutDistributor
    function payoutToken() external view returns (address token) {
        return address(_token);
    }

    /// @inheritdoc IPayoutDistributor
    function root() external view returns (bytes32 current) {
        return paused() ? _rootWhilePaused : _root;
    }

    /// @inheritdoc IPayoutDistributor
    function claimed(address payee) external view returns (uint256 amount) {
        return _payments[payee].amount;
    }

    /// @inheritdoc IPayoutDistributor
    function recoverableAt(address payee) external view returns (uint256 at) {
        return _payments[payee].recoverableAt;
    }

    function _pause() internal override {
        super._pause();
        _rootWhilePaused = _root;
        _root = bytes32(0);
    }

    function _unpause() internal override {
        super._unpause();
        _root = _rootWhilePaused;
        _rootWhilePaused = bytes32(0);
    }

    /// @dev Takes the amount as paid, and with that any announced recovery back.
    function _settle(address payee, uint256 cumulativeAmount, bytes32[] calldata proof)
        private
        returns (uint256 amount)
    {
        bytes32 current = _root;
        if (current == bytes32(0)) _requireNotPaused();
        if (cumulativeAmount > type(uint192).max || !_proves(current, payee, cumulativeAmount, proof)) {
            revert PayoutDistributorInvalidProof(payee, cumulativeAmount);
        }
        Payment storage payment = _payments[payee];
        uint256 before = payment.amount;
        if (cumulativeAmount <= before) revert PayoutDistributorNothingToClaim(payee, before);
        unchecked {
            amount = cumulativeAmount - before;
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        (payment.amount, payment.recoverableAt) = (uint192(cumulativeAmount), 0);
    }

    // The leaf is hashed twice so that no inner node of the tree, which is a hash of 64 bytes, can pass for one; it is
    // bound to the chain and this contract so that a proof is worth nothing elsewhere.
    function _proves(bytes32 current, address payee, uint256 cumulativeAmount, bytes32[] calldata proof)
        private
        view
        returns (bool valid)
    {
        bytes32 once = keccak256(abi.encode(block.chainid, address(this), payee, cumulativeAmount));
        return current != bytes32(0) && MerkleProof.verifyCalldata(proof, current, keccak256(abi.encode(once)));
    }
}

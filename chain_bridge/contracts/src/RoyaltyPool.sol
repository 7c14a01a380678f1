// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {PausableByRole} from "./PausableByRole.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IAssetShares} from "./interfaces/IAssetShares.sol";
import {IRoyaltyPool} from "./interfaces/IRoyaltyPool.sol";

/// @title Splits revenue of assets along their provenance, one level at a time
/// @notice See {IRoyaltyPool}.
/// @dev Who the parents are comes as calldata and is checked against the registry's commitment, which costs one read
/// instead of one for each parent. A commitment never changes, so one that was found right is kept here: asking the
/// registry again would cost each payment 3,400 gas. Both figures of an asset lie in one slot.
contract RoyaltyPool is PausableByRole, IRoyaltyPool {
    using SafeERC20 for IERC20;

    /// @notice What the pool holds for an asset, in units of the token.
    /// @param pending Still to be divided between the asset's parents and the asset.
    /// @param earned The asset's own, to be released.
    struct Account {
        uint128 pending;
        uint128 earned;
    }

    uint256 private constant _WHOLE_BPS = 10_000;

    IAssetRegistry private immutable _registry;
    IERC20 private immutable _token;
    IAssetShares private immutable _shares;
    mapping(uint256 asset => Account account) private _accounts;
    mapping(uint256 asset => mapping(uint256 version => bytes32 commitment)) private _known;

    /// @notice Creates an empty pool.
    /// @param admin May grant and revoke roles.
    /// @param registry Where versions and parents are committed, and who owns an asset.
    /// @param token The token that royalties are paid in.
    /// @param shares Where an asset's revenue goes when it is divided into shares.
    /// @param pauser First holder of the pauser role.
    constructor(address admin, IAssetRegistry registry, IERC20 token, IAssetShares shares, address pauser)
        PausableByRole(admin, pauser)
    {
        _registry = registry;
        _token = token;
        _shares = shares;
    }

    /// @inheritdoc IRoyaltyPool
    function pay(
        uint256 asset,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata weights,
        uint256 amount
    ) external whenNotPaused {
        _requireParentage(asset, version, content, parents, weights);
        if (amount > type(uint128).max) revert RoyaltyPoolAmountTooLarge(amount);
        (, uint256 earnedBefore) = _divide(asset, parents, weights, amount);
        emit RoyaltyPaid(asset, msg.sender, amount);
        // Now and then, at an asset's first payment and the first after a release, the token proves that it delivers.
        _pull(amount, earnedBefore == 0);
    }

    /// @inheritdoc IRoyaltyPool
    function payPending(uint256 asset, uint256 amount) external whenNotPaused {
        if (!_registry.isRegistered(asset)) revert RoyaltyPoolUnknownAsset(asset);
        if (amount > type(uint128).max) revert RoyaltyPoolAmountTooLarge(amount);
        _accounts[asset].pending = _sum(_accounts[asset].pending, amount);
        emit RoyaltyPaid(asset, msg.sender, amount);
        _pull(amount, true);
    }

    /// @inheritdoc IRoyaltyPool
    function settle(
        uint256 asset,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata weights
    ) external whenNotPaused {
        uint256 newest = _registry.versionCount(asset);
        if (version != newest) revert RoyaltyPoolNotNewestVersion(asset, version, newest);
        _requireParentage(asset, version, content, parents, weights);
        uint256 amount = _accounts[asset].pending;
        if (amount == 0) revert RoyaltyPoolNothingPending(asset);
        _accounts[asset].pending = 0;
        (uint256 kept,) = _divide(asset, parents, weights, amount);
        emit RoyaltySettled(asset, amount, kept);
    }

    /// @inheritdoc IRoyaltyPool
    function release(uint256 asset) external whenNotPaused returns (uint256 amount) {
        amount = _accounts[asset].earned;
        if (amount == 0) revert RoyaltyPoolNothingEarned(asset);
        _accounts[asset].earned = 0;
        if (_shares.totalSupply(asset) != 0) {
            emit RoyaltyReleased(asset, address(_shares), amount);
            _token.forceApprove(address(_shares), amount);
            _shares.deposit(asset, amount);
        } else {
            address owner = IERC721(address(_registry)).ownerOf(asset);
            emit RoyaltyReleased(asset, owner, amount);
            _token.safeTransfer(owner, amount);
        }
    }

    /// @inheritdoc IRoyaltyPool
    function pendingOf(uint256 asset) external view returns (uint256 amount) {
        return _accounts[asset].pending;
    }

    /// @inheritdoc IRoyaltyPool
    function earnedOf(uint256 asset) external view returns (uint256 amount) {
        return _accounts[asset].earned;
    }

    /// @inheritdoc IRoyaltyPool
    function royaltyToken() external view returns (address token) {
        return address(_token);
    }

    /// @dev Each parent's part is rounded down; what is left is the asset's, so nothing is created or lost. Together
    /// the parts are at most the amount, as the registry lets no weights exceed the whole, so nothing here can wrap.
    function _divide(uint256 asset, uint256[] calldata parents, uint16[] calldata weights, uint256 amount)
        private
        returns (uint256 kept, uint256 earnedBefore)
    {
        kept = amount;
        uint256 count = parents.length;
        for (uint256 i = 0; i < count;) {
            unchecked {
                uint256 part = amount * weights[i] / _WHOLE_BPS;
                kept -= part;
                Account storage parent = _accounts[parents[i]];
                parent.pending = _sum(parent.pending, part);
                ++i;
            }
        }
        Account storage own = _accounts[asset];
        earnedBefore = own.earned;
        own.earned = _sum(earnedBefore, kept);
    }

    function _sum(uint256 one, uint256 other) private pure returns (uint128 sum) {
        unchecked {
            uint256 both = one + other;
            if (both > type(uint128).max) revert RoyaltyPoolAmountTooLarge(other);
            // forge-lint: disable-next-line(unsafe-typecast)
            return uint128(both);
        }
    }

    function _pull(uint256 amount, bool check) private {
        uint256 before = check ? _token.balanceOf(address(this)) : 0;
        _token.safeTransferFrom(msg.sender, address(this), amount);
        if (check && _token.balanceOf(address(this)) - before < amount) revert RoyaltyPoolFundsMissing(amount);
    }

    function _requireParentage(
        uint256 asset,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata weights
    ) private {
        bytes32 given = keccak256(abi.encode(content, keccak256(abi.encode(parents, weights))));
        if (_known[asset][version] == given) return;
        if (_registry.versionCommitment(asset, version) != given) revert RoyaltyPoolUnknownVersion(asset, version);
        _known[asset][version] = given;
    }
}

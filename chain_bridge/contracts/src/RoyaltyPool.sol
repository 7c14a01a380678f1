// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {PausableByRole} from "./PausableByRole.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IAssetShares} from "./interfaces/IAssetShares.sol";
import {IRoyaltyPool} from "./interfaces/IRoyaltyPool.sol";

/// @title Splits revenue of assets along their provenance, one level at a time
/// @notice See {IRoyaltyPool}.
/// @dev Who the parents are comes as calldata and is checked against the registry's commitment, which costs one read
/// instead of one for each parent. Both figures of an asset lie in one slot.
contract RoyaltyPool is PausableByRole, IRoyaltyPool {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

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
        _divide(asset, parents, weights, amount.toUint128());
        emit RoyaltyPaid(asset, msg.sender, amount);
        _pull(amount);
    }

    /// @inheritdoc IRoyaltyPool
    function payPending(uint256 asset, uint256 amount) external whenNotPaused {
        if (!_registry.isRegistered(asset)) revert RoyaltyPoolUnknownAsset(asset);
        _accounts[asset].pending += amount.toUint128();
        emit RoyaltyPaid(asset, msg.sender, amount);
        _pull(amount);
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
        uint128 amount = _accounts[asset].pending;
        if (amount == 0) revert RoyaltyPoolNothingPending(asset);
        _accounts[asset].pending = 0;
        emit RoyaltySettled(asset, amount, _divide(asset, parents, weights, amount));
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

    /// @dev Each parent's part is rounded down; what is left is the asset's, so nothing is created or lost.
    function _divide(uint256 asset, uint256[] calldata parents, uint16[] calldata weights, uint128 amount)
        private
        returns (uint256 kept)
    {
        uint128 left = amount;
        for (uint256 i = 0; i < parents.length; ++i) {
            // At most the whole amount, because the registry lets no weights exceed the whole.
            // forge-lint: disable-next-line(unsafe-typecast)
            uint128 part = uint128(uint256(amount) * weights[i] / _WHOLE_BPS);
            left -= part;
            _accounts[parents[i]].pending += part;
        }
        _accounts[asset].earned += left;
        return left;
    }

    function _pull(uint256 amount) private {
        uint256 before = _token.balanceOf(address(this));
        _token.safeTransferFrom(msg.sender, address(this), amount);
        if (_token.balanceOf(address(this)) - before < amount) revert RoyaltyPoolFundsMissing(amount);
    }

    function _requireParentage(
        uint256 asset,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata weights
    ) private view {
        bytes32 given = keccak256(abi.encode(content, keccak256(abi.encode(parents, weights))));
        if (_registry.versionCommitment(asset, version) != given) revert RoyaltyPoolUnknownVersion(asset, version);
    }
}

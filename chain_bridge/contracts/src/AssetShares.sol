// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {OperatedByRole} from "./OperatedByRole.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IAssetShares} from "./interfaces/IAssetShares.sol";

/// @title ERC-1155 shares of assets' revenue
/// @notice See {IAssetShares}. The token id is the asset's id.
/// @dev Revenue per share is counted in 2^-64 units of the token. What a holder is owed is kept with these fractions,
/// so transfers and claims round nothing away: a claim pays whole units and keeps the rest. Only a deposit rounds, by
/// less than one unit of the token, which stays in the contract.
contract AssetShares is ERC1155, OperatedByRole, IAssetShares {
    using SafeERC20 for IERC20;

    /// @notice Shares of one asset.
    /// @param supply How many there are; 0 before they are created.
    /// @param revenuePerShare Deposited since the beginning for one share, in 2^-64 units of the token.
    struct Issue {
        uint64 supply;
        uint192 revenuePerShare;
    }

    /// @notice One holder's part.
    /// @param shares How many.
    /// @param revenuePerShare The asset's figure up to which `owed` is settled.
    /// @param owed What was earned and not claimed until then, in 2^-64 units of the token.
    struct Holding {
        uint64 shares;
        uint192 revenuePerShare;
        uint256 owed;
    }

    /// @notice Role that creates shares.
    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER_ROLE");
    uint256 private constant _FRACTION_BITS = 64;

    IAssetRegistry private immutable _registry;
    IERC20 private immutable _token;
    mapping(uint256 asset => Issue issue) private _issues;
    mapping(uint256 asset => mapping(address holder => Holding holding)) private _holdings;

    /// @notice Creates the contract without shares.
    /// @param admin May grant and revoke roles.
    /// @param registry Where the assets are registered.
    /// @param token The token in which revenue comes.
    /// @param issuer First holder of the issuer role.
    /// @param pauser First holder of the pauser role.
    constructor(address admin, IAssetRegistry registry, IERC20 token, address issuer, address pauser)
        ERC1155("")
        OperatedByRole(admin, pauser, ISSUER_ROLE, issuer)
    {
        _registry = registry;
        _token = token;
    }

    /// @inheritdoc IAssetShares
    function create(uint256 asset, address holder, uint256 supply) external onlyOperator whenNotPaused {
        if (supply == 0 || supply > type(uint64).max) revert AssetSharesInvalidSupply(supply);
        if (!_registry.isRegistered(asset)) revert AssetSharesUnknownAsset(asset);
        if (_issues[asset].supply != 0) revert AssetSharesAlreadyCreated(asset);
        _issues[asset].supply = SafeCast.toUint64(supply);
        emit SharesCreated(asset, holder, supply);
        _mint(holder, asset, supply, "");
    }

    /// @inheritdoc IAssetShares
    function deposit(uint256 asset, uint256 amount) external whenNotPaused {
        Issue memory issue = _issues[asset];
        if (issue.supply == 0) revert AssetSharesNotCreated(asset);
        uint256 perShare = (uint256(SafeCast.toUint128(amount)) << _FRACTION_BITS) / issue.supply;
        _issues[asset].revenuePerShare = SafeCast.toUint192(issue.revenuePerShare + perShare);
        emit RevenueDeposited(asset, amount);
        uint256 before = _token.balanceOf(address(this));
        _token.safeTransferFrom(msg.sender, address(this), amount);
        if (_token.balanceOf(address(this)) - before < amount) revert AssetSharesFundsMissing(amount);
    }

    /// @inheritdoc IAssetShares
    function claim(uint256 asset, address holder) external whenNotPaused returns (uint256 amount) {
        Holding storage holding = _settled(asset, holder);
        amount = holding.owed >> _FRACTION_BITS;
        if (amount == 0) revert AssetSharesNothingToClaim(asset, holder);
        holding.owed -= amount << _FRACTION_BITS;
        emit RevenueClaimed(asset, holder, amount);
        _token.safeTransfer(holder, amount);
    }

    /// @inheritdoc IAssetShares
    function claimable(uint256 asset, address holder) external view returns (uint256 amount) {
        Holding storage holding = _holdings[asset][holder];
        return (holding.owed + _unsettled(asset, holding)) >> _FRACTION_BITS;
    }

    /// @inheritdoc IAssetShares
    function totalSupply(uint256 asset) external view returns (uint256 supply) {
        return _issues[asset].supply;
    }

    /// @inheritdoc IAssetShares
    function revenueToken() external view returns (address token) {
        return address(_token);
    }

    /// @notice How many shares of an asset someone holds.
    /// @param account The holder.
    /// @param id The asset.
    /// @return shares The number.
    function balanceOf(address account, uint256 id) public view override returns (uint256 shares) {
        return _holdings[id][account].shares;
    }

    /// @notice ERC-165: which interfaces the contract answers to.
    /// @param interfaceId The interface asked for.
    /// @return supported True when it is implemented.
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC1155, AccessControl)
        returns (bool supported)
    {
        return interfaceId == type(IAssetShares).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Takes the place of OpenZeppelin's bookkeeping: what both sides have earned is settled before shares move.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values)
        internal
        override
        whenNotPaused
    {
        if (ids.length != values.length) revert ERC1155InvalidArrayLength(ids.length, values.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            _move(from, to, ids[i], values[i]);
        }
        if (ids.length == 1) {
            emit TransferSingle(msg.sender, from, to, ids[0], values[0]);
        } else {
            emit TransferBatch(msg.sender, from, to, ids, values);
        }
    }

    function _move(address from, address to, uint256 asset, uint256 value) private {
        if (from != address(0)) {
            Holding storage source = _settled(asset, from);
            uint256 shares = source.shares;
            if (shares < value) revert ERC1155InsufficientBalance(from, shares, value, asset);
            source.shares = SafeCast.toUint64(shares - value);
        }
        Holding storage target = _settled(asset, to);
        target.shares = SafeCast.toUint64(target.shares + value);
    }

    function _settled(uint256 asset, address holder) private returns (Holding storage holding) {
        holding = _holdings[asset][holder];
        uint256 earned = _unsettled(asset, holding);
        if (earned != 0) holding.owed += earned;
        holding.revenuePerShare = _issues[asset].revenuePerShare;
    }

    function _unsettled(uint256 asset, Holding storage holding) private view returns (uint256 earned) {
        return uint256(holding.shares) * (_issues[asset].revenuePerShare - holding.revenuePerShare);
    }
}

// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {OperatedByRole} from "./OperatedByRole.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {ILicenseBook} from "./interfaces/ILicenseBook.sol";
import {IRoyaltyPool} from "./interfaces/IRoyaltyPool.sol";

/// @title ERC-1155 licences of assets
/// @notice See {ILicenseBook}.
/// @dev A licence is one slot: its terms, its expiry and the rules that transfer and revocation follow. A holder has
/// one licence of an id or none, so the ERC-1155 balance is whether the slot is filled.
contract LicenseBook is ERC1155, OperatedByRole, ILicenseBook {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Registered terms, by their hash.
    /// @param number Counted from 1; 0 where there are none.
    /// @param right What they allow.
    /// @param transferable Whether a holder may pass the licence on.
    /// @param revocable Whether the issuer may take it back.
    struct Terms {
        uint32 number;
        uint8 right;
        bool transferable;
        bool revocable;
    }

    /// @notice One holder's licence; empty where `terms` is 0.
    /// @param terms Number of its terms.
    /// @param expiresAt Until when it holds, in seconds since 1970; _FOREVER without end.
    /// @param transferable As in its terms.
    /// @param revocable As in its terms.
    struct Licence {
        uint32 terms;
        uint64 expiresAt;
        bool transferable;
        bool revocable;
    }

    /// @notice What is on sale; nothing where `terms` is 0.
    /// @param terms Number of the terms.
    /// @param price Units of the token.
    /// @param period Seconds that one purchase adds; 0 without end.
    struct Offer {
        uint32 terms;
        uint96 price;
        uint64 period;
    }

    /// @notice Role that sets terms and offers, issues and revokes.
    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER_ROLE");
    /// @notice The right to use an asset.
    uint8 public constant USE = 1;
    /// @notice The right to build on an asset, which includes its use.
    uint8 public constant DEVELOP = 2;
    uint64 private constant _FOREVER = type(uint64).max;

    IAssetRegistry private immutable _registry;
    IRoyaltyPool private immutable _royalties;
    IERC20 private immutable _token;
    bytes32[] private _termsHashes;
    mapping(bytes32 termsHash => Terms terms) private _terms;
    mapping(uint256 id => mapping(address holder => Licence licence)) private _licences;
    mapping(uint256 id => Offer offer) private _offers;

    /// @notice Creates a book without terms and licences.
    /// @param admin May grant and revoke roles.
    /// @param registry Where the assets are registered.
    /// @param royalties Where the price of a licence goes.
    /// @param token The token that licences are bought with.
    /// @param issuer First holder of the issuer role.
    /// @param pauser First holder of the pauser role.
    constructor(
        address admin,
        IAssetRegistry registry,
        IRoyaltyPool royalties,
        IERC20 token,
        address issuer,
        address pauser
    ) ERC1155("") OperatedByRole(admin, pauser, ISSUER_ROLE, issuer) {
        _registry = registry;
        _royalties = royalties;
        _token = token;
    }

    /// @inheritdoc ILicenseBook
    function addTerms(bytes32 termsHash, uint8 right, bool transferable, bool revocable) external onlyOperator {
        if (termsHash == bytes32(0)) revert LicenseBookEmptyTerms();
        if (right != USE && right != DEVELOP) revert LicenseBookUnknownRight(right);
        if (_terms[termsHash].number != 0) revert LicenseBookTermsExist(termsHash);
        _termsHashes.push(termsHash);
        _terms[termsHash] = Terms(_termsHashes.length.toUint32(), right, transferable, revocable);
        emit TermsAdded(termsHash, right, transferable, revocable);
    }

    /// @inheritdoc ILicenseBook
    function issue(address holder, uint256 asset, bytes32 termsHash, uint64 expiresAt)
        external
        onlyOperator
        whenNotPaused
    {
        _issue(holder, asset, termsHash, expiresAt == 0 ? _FOREVER : expiresAt);
    }

    /// @inheritdoc ILicenseBook
    function revoke(address holder, uint256 asset, uint8 right, bytes32 reason) external onlyOperator {
        uint256 id = licenceId(asset, right);
        Licence memory held = _licences[id][holder];
        if (held.terms == 0) revert LicenseBookNotHeld(holder, asset, right);
        if (!held.revocable) revert LicenseBookNotRevocable(holder, asset, right);
        emit LicenceRevoked(holder, asset, right, reason);
        _burn(holder, id, 1);
    }

    /// @inheritdoc ILicenseBook
    function setOffer(uint256 asset, uint8 right, bytes32 termsHash, uint96 price, uint64 period)
        external
        onlyOperator
    {
        Terms memory terms = _knownTerms(termsHash);
        if (terms.right != right) revert LicenseBookOtherRight(termsHash, right);
        if (!_registry.isRegistered(asset)) revert LicenseBookUnknownAsset(asset);
        _offers[licenceId(asset, right)] = Offer(terms.number, price, period);
        emit OfferSet(asset, right, termsHash, price, period);
    }

    /// @inheritdoc ILicenseBook
    function removeOffer(uint256 asset, uint8 right) external onlyOperator {
        uint256 id = licenceId(asset, right);
        if (_offers[id].terms == 0) revert LicenseBookNoOffer(asset, right);
        delete _offers[id];
        emit OfferRemoved(asset, right);
    }

    /// @inheritdoc ILicenseBook
    function buy(uint256 asset, uint8 right, address holder, uint96 maxPrice) external whenNotPaused {
        uint256 id = licenceId(asset, right);
        Offer memory onSale = _offers[id];
        if (onSale.terms == 0) revert LicenseBookNoOffer(asset, right);
        if (onSale.price > maxPrice) revert LicenseBookPriceAbove(onSale.price, maxPrice);
        uint64 expiresAt = _expiryAfter(_licences[id][holder], onSale.period);
        emit LicenceBought(holder, asset, right, msg.sender, onSale.price, _shown(expiresAt));
        if (onSale.price != 0) {
            _token.safeTransferFrom(msg.sender, address(this), onSale.price);
            _token.forceApprove(address(_royalties), onSale.price);
            _royalties.payPending(asset, onSale.price);
        }
        _issue(holder, asset, _termsHashes[onSale.terms - 1], expiresAt);
    }

    /// @inheritdoc ILicenseBook
    function isLicensed(address holder, uint256 asset, uint8 right) external view returns (bool licensed) {
        if (right == USE && _holds(holder, licenceId(asset, USE))) return true;
        return (right == USE || right == DEVELOP) && _holds(holder, licenceId(asset, DEVELOP));
    }

    /// @inheritdoc ILicenseBook
    function licence(address holder, uint256 asset, uint8 right)
        external
        view
        returns (bytes32 termsHash, uint64 expiresAt, bool transferable, bool revocable)
    {
        Licence memory held = _licences[licenceId(asset, right)][holder];
        if (held.terms != 0) {
            return (_termsHashes[held.terms - 1], _shown(held.expiresAt), held.transferable, held.revocable);
        }
    }

    /// @inheritdoc ILicenseBook
    function offer(uint256 asset, uint8 right) external view returns (bytes32 termsHash, uint96 price, uint64 period) {
        Offer memory found = _offers[licenceId(asset, right)];
        if (found.terms != 0) return (_termsHashes[found.terms - 1], found.price, found.period);
    }

    /// @notice 1 where the holder has the licence, expired or not; else 0.
    /// @param account The holder.
    /// @param id The licence's token id.
    /// @return count The balance.
    function balanceOf(address account, uint256 id) public view override returns (uint256 count) {
        return _licences[id][account].terms == 0 ? 0 : 1;
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
        return interfaceId == type(ILicenseBook).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @inheritdoc ILicenseBook
    function licenceId(uint256 asset, uint8 right) public pure returns (uint256 id) {
        if (asset >> 248 != 0) revert LicenseBookUnknownAsset(asset);
        return (asset << 8) | right;
    }

    /// @dev Takes the place of OpenZeppelin's bookkeeping of balances.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
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

    function _issue(address holder, uint256 asset, bytes32 termsHash, uint64 expiresAt) private {
        Terms memory terms = _knownTerms(termsHash);
        uint256 id = licenceId(asset, terms.right);
        Licence memory held = _licences[id][holder];
        if (holder == address(0)) revert ERC1155InvalidReceiver(holder);
        // A licence's end is counted in days or more; the seconds by which a block's time can be off do not matter.
        // solhint-disable-next-line not-rely-on-time
        if (expiresAt <= block.timestamp) revert LicenseBookExpiryInPast(expiresAt);
        if (held.terms != 0) {
            if (expiresAt < held.expiresAt) revert LicenseBookExpiryShortened(expiresAt, _shown(held.expiresAt));
            // solhint-disable-next-line not-rely-on-time
            bool holds = block.timestamp < held.expiresAt;
            if (holds && held.terms != terms.number) revert LicenseBookOtherTerms(holder, asset, terms.right);
        }
        _licences[id][holder] = Licence(terms.number, expiresAt, terms.transferable, terms.revocable);
        emit LicenceIssued(holder, asset, terms.right, termsHash, _shown(expiresAt));
        if (held.terms == 0) {
            emit TransferSingle(msg.sender, address(0), holder, id, 1);
            ERC1155Utils.checkOnERC1155Received(msg.sender, address(0), holder, id, 1, "");
        }
    }

    function _move(address from, address to, uint256 id, uint256 value) private {
        Licence memory held = _licences[id][from];
        uint256 balance = held.terms == 0 ? 0 : 1;
        if (balance < value) revert ERC1155InsufficientBalance(from, balance, value, id);
        if (value == 0 || from == to) return;
        delete _licences[id][from];
        if (to == address(0)) return;
        if (!held.transferable) revert LicenseBookNotTransferable(from, id);
        // solhint-disable-next-line not-rely-on-time
        if (block.timestamp >= held.expiresAt) revert LicenseBookExpired(from, id);
        if (_licences[id][to].terms != 0) revert LicenseBookAlreadyHeld(to, id);
        _licences[id][to] = held;
    }

    function _holds(address holder, uint256 id) private view returns (bool held) {
        // solhint-disable-next-line not-rely-on-time
        return _licences[id][holder].terms != 0 && block.timestamp < _licences[id][holder].expiresAt;
    }

    /// @dev When a licence would end that is bought now: the period runs from now, or from the end of what is held.
    function _expiryAfter(Licence memory held, uint64 period) private view returns (uint64 expiresAt) {
        if (held.expiresAt == _FOREVER) revert LicenseBookNothingToExtend();
        if (period == 0) return _FOREVER;
        // solhint-disable-next-line not-rely-on-time
        uint256 from = held.expiresAt > block.timestamp ? held.expiresAt : block.timestamp;
        return (from + period).toUint64();
    }

    function _knownTerms(bytes32 termsHash) private view returns (Terms memory terms) {
        terms = _terms[termsHash];
        if (terms.number == 0) revert LicenseBookUnknownTerms(termsHash);
    }

    function _shown(uint64 expiresAt) private pure returns (uint64 shown) {
        // The equality is with a mark, not with a moment: no block ever has this time.
        // slither-disable-next-line incorrect-equality
        return expiresAt == _FOREVER ? 0 : expiresAt;
    }
}

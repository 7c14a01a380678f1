// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Who may use an asset, who may build on it, until when and under which terms
/// @notice Terms are machine-readable documents, known here by their hash. A licence is an ERC-1155 token whose id
/// holds the asset and the right; a holder has one of an id or none. Rights: USE (1) and
/// DEVELOP (2), which includes USE.
interface ILicenseBook {
    /// @notice Terms were registered. They never change.
    /// @param termsHash Hash of the machine-readable terms.
    /// @param right What they allow: USE (1) or DEVELOP (2).
    /// @param transferable Whether a holder may pass the licence on.
    /// @param revocable Whether the issuer may take it back.
    event TermsAdded(bytes32 indexed termsHash, uint8 right, bool transferable, bool revocable);

    /// @notice A licence was issued or extended.
    /// @param holder Who may.
    /// @param asset The asset.
    /// @param right What is allowed.
    /// @param termsHash Hash of the terms.
    /// @param expiresAt Until when, in seconds since 1970; 0 without end.
    event LicenceIssued(
        address indexed holder, uint256 indexed asset, uint8 indexed right, bytes32 termsHash, uint64 expiresAt
    );

    /// @notice A licence was taken back.
    /// @param holder Who had it.
    /// @param asset The asset.
    /// @param right What was allowed.
    /// @param reason Hash or short text of the reason.
    event LicenceRevoked(address indexed holder, uint256 indexed asset, uint8 indexed right, bytes32 reason);

    /// @notice A licence is on sale.
    /// @param asset The asset.
    /// @param right What is offered.
    /// @param termsHash Hash of the terms.
    /// @param price Units of the token.
    /// @param period Seconds that one purchase adds; 0 without end.
    event OfferSet(uint256 indexed asset, uint8 indexed right, bytes32 termsHash, uint96 price, uint64 period);

    /// @notice A licence is no longer on sale.
    /// @param asset The asset.
    /// @param right What was offered.
    event OfferRemoved(uint256 indexed asset, uint8 indexed right);

    /// @notice A licence was bought; `LicenceIssued` of the same transaction says under which terms.
    /// @param holder For whom.
    /// @param asset The asset.
    /// @param right What is allowed.
    /// @param buyer Who paid.
    /// @param price Units of the token.
    /// @param expiresAt Until when, in seconds since 1970; 0 without end.
    event LicenceBought(
        address indexed holder,
        uint256 indexed asset,
        uint8 indexed right,
        address buyer,
        uint256 price,
        uint64 expiresAt
    );

    /// @notice A hash of terms must not be zero.
    error LicenseBookEmptyTerms();

    /// @notice There is no such right.
    /// @param right The right given.
    error LicenseBookUnknownRight(uint8 right);

    /// @notice These terms are registered already.
    /// @param termsHash The hash given.
    error LicenseBookTermsExist(bytes32 termsHash);

    /// @notice These terms are not registered.
    /// @param termsHash The hash given.
    error LicenseBookUnknownTerms(bytes32 termsHash);

    /// @notice The terms are for another right.
    /// @param termsHash The hash given.
    /// @param right The right given.
    error LicenseBookOtherRight(bytes32 termsHash, uint8 right);

    /// @notice There is no such asset, or its id has more than 248 bits.
    /// @param asset The asset given.
    error LicenseBookUnknownAsset(uint256 asset);

    /// @notice A licence cannot end before it begins.
    /// @param expiresAt The end given.
    error LicenseBookExpiryInPast(uint64 expiresAt);

    /// @notice Issuing again can only extend.
    /// @param expiresAt The end given.
    /// @param held The end of the licence that is held; 0 without end.
    error LicenseBookExpiryShortened(uint64 expiresAt, uint64 held);

    /// @notice The holder's licence still holds, under other terms.
    /// @param holder The holder.
    /// @param asset The asset.
    /// @param right The right.
    error LicenseBookOtherTerms(address holder, uint256 asset, uint8 right);

    /// @notice There is no such licence.
    /// @param holder The holder given.
    /// @param asset The asset.
    /// @param right The right.
    error LicenseBookNotHeld(address holder, uint256 asset, uint8 right);

    /// @notice The terms do not let the issuer take the licence back.
    /// @param holder The holder.
    /// @param asset The asset.
    /// @param right The right.
    error LicenseBookNotRevocable(address holder, uint256 asset, uint8 right);

    /// @notice The terms do not let a holder pass the licence on.
    /// @param holder The holder.
    /// @param id The licence's token id.
    error LicenseBookNotTransferable(address holder, uint256 id);

    /// @notice A licence that has ended cannot be passed on.
    /// @param holder The holder.
    /// @param id The licence's token id.
    error LicenseBookExpired(address holder, uint256 id);

    /// @notice The receiver has a licence of this id already.
    /// @param holder The receiver.
    /// @param id The licence's token id.
    error LicenseBookAlreadyHeld(address holder, uint256 id);

    /// @notice This licence is not on sale.
    /// @param asset The asset given.
    /// @param right The right given.
    error LicenseBookNoOffer(uint256 asset, uint8 right);

    /// @notice The price is higher than the buyer would pay.
    /// @param price The price.
    /// @param maxPrice What the buyer would pay.
    error LicenseBookPriceAbove(uint96 price, uint96 maxPrice);

    /// @notice The holder's licence has no end.
    error LicenseBookNothingToExtend();

    /// @notice Registers terms.
    /// @param termsHash Hash of the machine-readable terms.
    /// @param right What they allow: USE (1) or DEVELOP (2).
    /// @param transferable Whether a holder may pass the licence on.
    /// @param revocable Whether the issuer may take it back.
    function addTerms(bytes32 termsHash, uint8 right, bool transferable, bool revocable) external;

    /// @notice Issues a licence, or extends the one that is held.
    /// @param holder Who may.
    /// @param asset The asset.
    /// @param termsHash Hash of registered terms, which say what is allowed; while a licence holds they cannot change.
    /// @param expiresAt Until when, in seconds since 1970; 0 without end. Not before the end of the one that is held.
    function issue(address holder, uint256 asset, bytes32 termsHash, uint64 expiresAt) external;

    /// @notice Takes a licence back, where its terms allow that.
    /// @param holder Who has it.
    /// @param asset The asset.
    /// @param right What is allowed.
    /// @param reason Hash or short text of the reason.
    function revoke(address holder, uint256 asset, uint8 right, bytes32 reason) external;

    /// @notice Puts a licence on sale, or changes the offer.
    /// @param asset The asset; it must be registered.
    /// @param right What is offered.
    /// @param termsHash Hash of registered terms for that right.
    /// @param price Units of the token.
    /// @param period Seconds that one purchase adds; 0 without end.
    function setOffer(uint256 asset, uint8 right, bytes32 termsHash, uint96 price, uint64 period) external;

    /// @notice Takes a licence off sale.
    /// @param asset The asset.
    /// @param right What was offered.
    function removeOffer(uint256 asset, uint8 right) external;

    /// @notice Buys a licence for someone at the offered price, which becomes the asset's revenue.
    /// @param asset The asset.
    /// @param right What is to be allowed.
    /// @param holder Who is to have it; a licence that is held is extended.
    /// @param maxPrice What the caller pays at most: protects from a price that rises in between.
    function buy(uint256 asset, uint8 right, address holder, uint96 maxPrice) external;

    /// @notice Whether someone may now do what a right allows. DEVELOP includes USE.
    /// @param holder Who.
    /// @param asset The asset.
    /// @param right USE (1) or DEVELOP (2).
    /// @return licensed True when a licence holds.
    function isLicensed(address holder, uint256 asset, uint8 right) external view returns (bool licensed);

    /// @notice A holder's licence; all zero when there is none.
    /// @param holder The holder.
    /// @param asset The asset.
    /// @param right The right.
    /// @return termsHash Hash of its terms.
    /// @return expiresAt Until when, in seconds since 1970; 0 without end.
    /// @return transferable Whether it may be passed on.
    /// @return revocable Whether it may be taken back.
    function licence(address holder, uint256 asset, uint8 right)
        external
        view
        returns (bytes32 termsHash, uint64 expiresAt, bool transferable, bool revocable);

    /// @notice What is on sale; all zero when nothing is.
    /// @param asset The asset.
    /// @param right The right.
    /// @return termsHash Hash of the terms.
    /// @return price Units of the token.
    /// @return period Seconds that one purchase adds; 0 without end.
    function offer(uint256 asset, uint8 right) external view returns (bytes32 termsHash, uint96 price, uint64 period);

    /// @notice The token id of a licence: the asset in the upper 248 bits, the right in the lower 8.
    /// @param asset The asset.
    /// @param right The right.
    /// @return id The token id.
    function licenceId(uint256 asset, uint8 right) external pure returns (uint256 id);
}

// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Fractional ownership of assets' revenue
/// @notice Shares of an asset are made once, in a number that never changes, as ERC-1155 tokens whose id is the
/// asset's. Revenue that is deposited belongs to whoever holds the shares at that moment, in proportion; selling shares
/// later does not take it along.
interface IAssetShares {
    /// @notice An asset was divided into shares.
    /// @param asset The asset.
    /// @param holder Who received all of them.
    /// @param supply How many there are for ever.
    event SharesCreated(uint256 indexed asset, address indexed holder, uint256 supply);

    /// @notice Revenue came in for the holders of this moment.
    /// @param asset The asset.
    /// @param amount Units of the token.
    event RevenueDeposited(uint256 indexed asset, uint256 amount);

    /// @notice A holder was paid.
    /// @param asset The asset.
    /// @param holder Who was paid.
    /// @param amount Units of the token.
    event RevenueClaimed(uint256 indexed asset, address indexed holder, uint256 amount);

    /// @notice The number of shares must be from 1 to 2^64 - 1.
    /// @param supply The number given.
    error AssetSharesInvalidSupply(uint256 supply);

    /// @notice There is no such asset in the registry.
    /// @param asset The asset given.
    error AssetSharesUnknownAsset(uint256 asset);

    /// @notice The asset has shares already.
    /// @param asset The asset given.
    error AssetSharesAlreadyCreated(uint256 asset);

    /// @notice The asset has no shares.
    /// @param asset The asset given.
    error AssetSharesNotCreated(uint256 asset);

    /// @notice The token delivered less than was deposited.
    /// @param amount What had to come in.
    error AssetSharesFundsMissing(uint256 amount);

    /// @notice Less than one unit of the token is owed.
    /// @param asset The asset given.
    /// @param holder The holder given.
    error AssetSharesNothingToClaim(uint256 asset, address holder);

    /// @notice Divides an asset into shares, once for all.
    /// @param asset The asset; it must be registered.
    /// @param holder Who receives all shares.
    /// @param supply How many, from 1 to 2^64 - 1.
    function create(uint256 asset, address holder, uint256 supply) external;

    /// @notice Takes revenue from the caller and gives it to the holders of this moment, in proportion. Less than one
    /// unit of a deposit can be left over by the division; it stays in the contract.
    /// @param asset The asset; it must have shares.
    /// @param amount Units of the token.
    function deposit(uint256 asset, uint256 amount) external;

    /// @notice Pays a holder what is claimable. Anyone may call it: the money always goes to the holder.
    /// @param asset The asset.
    /// @param holder Who is paid.
    /// @return amount What was paid, in whole units; a fraction of a unit stays owed.
    function claim(uint256 asset, address holder) external returns (uint256 amount);

    /// @notice What a claim would pay now.
    /// @param asset The asset.
    /// @param holder The holder.
    /// @return amount Whole units of the token.
    function claimable(uint256 asset, address holder) external view returns (uint256 amount);

    /// @notice How many shares of an asset there are.
    /// @param asset The asset.
    /// @return supply The number; 0 when none were created.
    function totalSupply(uint256 asset) external view returns (uint256 supply);

    /// @notice The token in which revenue comes.
    /// @return token Its address.
    function revenueToken() external view returns (address token);
}

// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AssetShares} from "../src/AssetShares.sol";
import {LicenseBook} from "../src/LicenseBook.sol";
import {RoyaltyPool} from "../src/RoyaltyPool.sol";
import {ILicenseBook} from "../src/interfaces/ILicenseBook.sol";
import {HostileToken} from "./HostileToken.sol";
import {Test} from "./Vm.sol";

contract LicenseBookTest is Test {
    uint8 private constant USE = 1;
    uint8 private constant DEVELOP = 2;
    uint256 private constant ASSET = 7;
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    bytes32 private constant FREE = keccak256("transferable, not revocable, use");
    bytes32 private constant BOUND = keccak256("not transferable, revocable, use");
    bytes32 private constant BUILD = keccak256("transferable, revocable, develop");

    HostileToken private token;
    RoyaltyPool private pool;
    LicenseBook private book;

    function setUp() public {
        VM.warp(1_000_000);
        token = new HostileToken();
        AssetRegistry registry = new AssetRegistry(address(this), address(this), address(this));
        AssetShares shares = new AssetShares(address(this), registry, token, address(this), address(this));
        pool = new RoyaltyPool(address(this), registry, token, shares, address(this));
        book = new LicenseBook(address(this), registry, pool, token, address(this), address(this));
        registry.register(ALICE, ASSET, keccak256("c"), keccak256("m"), bytes32(0), new uint256[](0), new uint16[](0));
        book.addTerms(FREE, USE, true, false);
        book.addTerms(BOUND, USE, false, true);
        book.addTerms(BUILD, DEVELOP, true, true);
        token.mint(address(this), 1_000_000);
        token.approve(address(book), type(uint256).max);
    }

    function test_addTerms_once_forKnownRights() public {
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookTermsExist.selector, FREE));
        book.addTerms(FREE, USE, true, true);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookUnknownRight.selector, 3));
        book.addTerms(keccak256("x"), 3, true, true);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookEmptyTerms.selector));
        book.addTerms(bytes32(0), USE, true, true);
        VM.expectEmit();
        emit ILicenseBook.TermsAdded(keccak256("x"), DEVELOP, true, false);
        book.addTerms(keccak256("x"), DEVELOP, true, false);
    }

    function test_issue_mintsOneTokenAndTellsTheTerms() public {
        VM.expectEmit();
        emit ILicenseBook.LicenceIssued(ALICE, ASSET, USE, FREE, 2_000_000);
        VM.expectEmit();
        emit IERC1155.TransferSingle(address(this), address(0), ALICE, (ASSET << 8) | USE, 1);
        book.issue(ALICE, ASSET, FREE, 2_000_000);
        (bytes32 terms, uint64 expiresAt, bool transferable, bool revocable) = book.licence(ALICE, ASSET, USE);
        assertEq(terms, FREE, "terms");
        assertEq(expiresAt, 2_000_000, "end");
        assertTrue(transferable, "transferable");
        assertFalse(revocable, "revocable");
        assertEq(book.balanceOf(ALICE, book.licenceId(ASSET, USE)), 1, "balance");
        (terms,,,) = book.licence(BOB, ASSET, USE);
        assertEq(terms, bytes32(0), "none");
    }

    function test_issue_againExtendsAndNeverShortens() public {
        book.issue(ALICE, ASSET, FREE, 2_000_000);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookExpiryShortened.selector, 1_999_999, 2_000_000));
        book.issue(ALICE, ASSET, FREE, 1_999_999);
        book.issue(ALICE, ASSET, FREE, 3_000_000);
        book.issue(ALICE, ASSET, FREE, 0);
        (, uint64 expiresAt,,) = book.licence(ALICE, ASSET, USE);
        assertEq(expiresAt, 0, "without end");
        VM.warp(1 << 60);
        assertTrue(book.isLicensed(ALICE, ASSET, USE), "for ever");
        assertEq(book.balanceOf(ALICE, book.licenceId(ASSET, USE)), 1, "still one token");
    }

    function test_issue_keepsTheTermsWhileTheLicenceHolds() public {
        book.issue(ALICE, ASSET, FREE, 2_000_000);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookOtherTerms.selector, ALICE, ASSET, USE));
        book.issue(ALICE, ASSET, BOUND, 3_000_000);
        VM.warp(2_000_000);
        book.issue(ALICE, ASSET, BOUND, 3_000_000);
        (bytes32 terms,,,) = book.licence(ALICE, ASSET, USE);
        assertEq(terms, BOUND, "new terms after the end");
    }

    function test_issue_refusesUnknownTermsPastEndsNobodyAndHugeIds() public {
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookUnknownTerms.selector, keccak256("x")));
        book.issue(ALICE, ASSET, keccak256("x"), 0);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookExpiryInPast.selector, 1_000_000));
        book.issue(ALICE, ASSET, FREE, 1_000_000);
        VM.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(0)));
        book.issue(address(0), ASSET, FREE, 0);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookUnknownAsset.selector, 1 << 248));
        book.issue(ALICE, 1 << 248, FREE, 0);
        VM.expectPartialRevert(IERC1155Errors.ERC1155InvalidReceiver.selector);
        book.issue(address(token), ASSET, FREE, 0);
    }

    /// @dev Every combination of the licence held (none, USE, DEVELOP, both; each holding or ended) and the right asked.
    function test_isLicensed_truthTable() public {
        for (uint256 use = 0; use < 3; ++use) {
            for (uint256 develop = 0; develop < 3; ++develop) {
                VM.warp(1_000_000);
                address holder = address(uint160(0x5000 + use * 3 + develop));
                if (use != 0) book.issue(holder, ASSET, FREE, use == 1 ? 2_000_000 : 1_500_000);
                if (develop != 0) book.issue(holder, ASSET, BUILD, develop == 1 ? 2_000_000 : 1_500_000);
                VM.warp(1_500_000);
                bool mayDevelop = develop == 1;
                bool mayUse = use == 1 || mayDevelop;
                assertTrue(book.isLicensed(holder, ASSET, USE) == mayUse, "use");
                assertTrue(book.isLicensed(holder, ASSET, DEVELOP) == mayDevelop, "develop");
                assertFalse(book.isLicensed(holder, ASSET + 1, USE), "other asset");
                assertFalse(book.isLicensed(holder, ASSET, 0), "no right");
                assertFalse(book.isLicensed(holder, ASSET, 3), "unknown right");
            }
        }
    }

    function test_transfer_movesTermsAndEndWhereTheTermsAllow() public {
        book.issue(ALICE, ASSET, FREE, 2_000_000);
        uint256 id = book.licenceId(ASSET, USE);
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, BOB, id, 1, "");
        assertFalse(book.isLicensed(ALICE, ASSET, USE), "alice");
        assertTrue(book.isLicensed(BOB, ASSET, USE), "bob");
        (bytes32 terms, uint64 expiresAt,,) = book.licence(BOB, ASSET, USE);
        assertEq(terms, FREE, "terms");
        assertEq(expiresAt, 2_000_000, "end");
        book.issue(ALICE, ASSET, BOUND, 2_000_000);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNotTransferable.selector, ALICE, id));
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, address(0xC), id, 1, "");
    }

    function test_transfer_refusesEndedLicencesHoldersOfOneAndMoreThanOne() public {
        uint256 id = book.licenceId(ASSET, USE);
        book.issue(ALICE, ASSET, FREE, 2_000_000);
        book.issue(BOB, ASSET, FREE, 2_000_000);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookAlreadyHeld.selector, BOB, id));
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, BOB, id, 1, "");
        VM.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, ALICE, 1, 2, id));
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, address(0xC), id, 2, "");
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, ALICE, id, 1, "");
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, address(0xC), id, 0, "");
        assertTrue(book.isLicensed(ALICE, ASSET, USE), "nothing moved");
        uint256[] memory twice = new uint256[](2);
        uint256[] memory ones = new uint256[](2);
        (twice[0], twice[1], ones[0], ones[1]) = (id, id, 1, 1);
        VM.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, ALICE, 0, 1, id));
        VM.prank(ALICE);
        book.safeBatchTransferFrom(ALICE, address(0xC), twice, ones, "");
        VM.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidArrayLength.selector, 2, 1));
        VM.prank(ALICE);
        book.safeBatchTransferFrom(ALICE, address(0xC), twice, new uint256[](1), "");
        VM.warp(2_000_000);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookExpired.selector, ALICE, id));
        VM.prank(ALICE);
        book.safeTransferFrom(ALICE, address(0xC), id, 1, "");
    }

    function test_revoke_onlyWhereTheTermsAllow() public {
        book.issue(ALICE, ASSET, FREE, 0);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNotRevocable.selector, ALICE, ASSET, USE));
        book.revoke(ALICE, ASSET, USE, bytes32("why"));
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNotHeld.selector, BOB, ASSET, USE));
        book.revoke(BOB, ASSET, USE, bytes32("why"));
        book.issue(BOB, ASSET, BOUND, 0);
        VM.expectEmit();
        emit ILicenseBook.LicenceRevoked(BOB, ASSET, USE, bytes32("why"));
        VM.expectEmit();
        emit IERC1155.TransferSingle(address(this), BOB, address(0), (ASSET << 8) | USE, 1);
        book.revoke(BOB, ASSET, USE, bytes32("why"));
        assertFalse(book.isLicensed(BOB, ASSET, USE), "revoked");
        book.issue(BOB, ASSET, BOUND, 0);
        assertTrue(book.isLicensed(BOB, ASSET, USE), "issued anew");
    }

    function test_buy_paysTheAssetAndExtends() public {
        VM.expectEmit();
        emit ILicenseBook.OfferSet(ASSET, USE, FREE, 500, 30 days);
        book.setOffer(ASSET, USE, FREE, 500, 30 days);
        VM.expectEmit();
        emit ILicenseBook.LicenceBought(ALICE, ASSET, USE, address(this), 500, uint64(1_000_000 + 30 days));
        book.buy(ASSET, USE, ALICE, 500);
        book.buy(ASSET, USE, ALICE, 600);
        (, uint64 expiresAt,,) = book.licence(ALICE, ASSET, USE);
        assertEq(expiresAt, 1_000_000 + 60 days, "two periods");
        assertEq(pool.pendingOf(ASSET), 1000, "revenue");
        assertEq(token.balanceOf(address(book)), 0, "nothing stays");
        assertEq(token.allowance(address(book), address(pool)), 0, "no allowance is left");
        VM.warp(1_000_000 + 90 days);
        book.buy(ASSET, USE, ALICE, 500);
        (, expiresAt,,) = book.licence(ALICE, ASSET, USE);
        assertEq(expiresAt, 1_000_000 + 120 days, "from now, after the end");
    }

    function test_buy_forEverOnce_andForNothingWhereTheOfferSaysSo() public {
        book.setOffer(ASSET, DEVELOP, BUILD, 0, 0);
        book.buy(ASSET, DEVELOP, ALICE, 0);
        assertTrue(book.isLicensed(ALICE, ASSET, DEVELOP), "licensed");
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNothingToExtend.selector));
        book.buy(ASSET, DEVELOP, ALICE, 0);
        (bytes32 terms, uint96 price, uint64 period) = book.offer(ASSET, DEVELOP);
        assertEq(terms, BUILD, "terms");
        assertEq(uint256(price) + period, 0, "free, for ever");
    }

    function test_buy_refusesHigherPricesAndWhatIsNotOnSale() public {
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNoOffer.selector, ASSET, USE));
        book.buy(ASSET, USE, ALICE, 500);
        book.setOffer(ASSET, USE, FREE, 501, 30 days);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookPriceAbove.selector, 501, 500));
        book.buy(ASSET, USE, ALICE, 500);
        VM.expectEmit();
        emit ILicenseBook.OfferRemoved(ASSET, USE);
        book.removeOffer(ASSET, USE);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNoOffer.selector, ASSET, USE));
        book.buy(ASSET, USE, ALICE, 501);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookNoOffer.selector, ASSET, USE));
        book.removeOffer(ASSET, USE);
    }

    function test_buy_withAHostileTokenBuysNothing() public {
        book.setOffer(ASSET, USE, FREE, 500, 30 days);
        token.behave(HostileToken.Manner.ReturnsFalse);
        VM.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        book.buy(ASSET, USE, ALICE, 500);
        token.behave(HostileToken.Manner.TakesFee);
        VM.expectPartialRevert(bytes4(keccak256("ERC20InsufficientBalance(address,uint256,uint256)")));
        book.buy(ASSET, USE, ALICE, 500);
        assertFalse(book.isLicensed(ALICE, ASSET, USE), "nothing");
    }

    function test_setOffer_needsTermsForThatRightAndARegisteredAsset() public {
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookOtherRight.selector, FREE, DEVELOP));
        book.setOffer(ASSET, DEVELOP, FREE, 1, 1);
        VM.expectRevert(abi.encodeWithSelector(ILicenseBook.LicenseBookUnknownAsset.selector, 8));
        book.setOffer(8, USE, FREE, 1, 1);
    }

    function test_pause_stopsIssuingAndBuying() public {
        book.setOffer(ASSET, USE, FREE, 500, 30 days);
        book.pause();
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        book.issue(ALICE, ASSET, FREE, 0);
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        book.buy(ASSET, USE, ALICE, 500);
    }

    function testFuzz_expiry_isTheFirstMomentWithoutTheLicence(uint64 end, uint64 asked) public {
        // forge-lint: disable-next-line(unsafe-typecast)
        end = uint64(bound(end, 1_000_001, type(uint64).max - 1));
        book.issue(ALICE, ASSET, BUILD, end);
        VM.warp(asked);
        assertTrue(book.isLicensed(ALICE, ASSET, DEVELOP) == (asked < end), "by the second");
        assertTrue(book.isLicensed(ALICE, ASSET, USE) == (asked < end), "use is included");
    }

    function test_supportsInterface_ofERC1155() public view {
        assertTrue(book.supportsInterface(type(IERC1155).interfaceId), "ERC-1155");
        assertTrue(book.supportsInterface(type(ILicenseBook).interfaceId), "book");
    }
}

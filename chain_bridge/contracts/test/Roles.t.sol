// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AssetShares} from "../src/AssetShares.sol";
import {CustodyAccount} from "../src/CustodyAccount.sol";
import {CustodyAccounts} from "../src/CustodyAccounts.sol";
import {LedgerAnchor} from "../src/LedgerAnchor.sol";
import {LicenseBook} from "../src/LicenseBook.sol";
import {PayoutDistributor} from "../src/PayoutDistributor.sol";
import {PayoutToken} from "../src/PayoutToken.sol";
import {RoyaltyPool} from "../src/RoyaltyPool.sol";
import {Timelock} from "../src/Timelock.sol";
import {ICustodyAccount} from "../src/interfaces/ICustodyAccount.sol";
import {ICustodyAccounts} from "../src/interfaces/ICustodyAccounts.sol";
import {ILedgerAnchor} from "../src/interfaces/ILedgerAnchor.sol";
import {Test} from "./Vm.sol";

/// @title Who may do what in a whole deployment under a timelock, and the small contracts
contract RolesTest is Test {
    address private constant STRANGER = address(0xBAD);
    bytes32 private constant ORGANISATION = bytes32(uint256(0x0192f0c3a1b27c4d8e5f60718293a4b5));

    Timelock private timelock;
    PayoutToken private token;
    AssetRegistry private registry;
    PayoutDistributor private distributor;
    AssetShares private shares;
    RoyaltyPool private pool;
    LicenseBook private book;
    CustodyAccounts private custody;
    LedgerAnchor private anchor;

    function setUp() public {
        address[] memory me = new address[](1);
        me[0] = address(this);
        timelock = new Timelock(2 days, me, me);
        address admin = address(timelock);
        token = new PayoutToken(admin, address(this));
        registry = new AssetRegistry(admin, address(this), address(this));
        distributor = new PayoutDistributor(token, admin, address(this), address(this), address(this));
        shares = new AssetShares(admin, registry, token, address(this), address(this));
        pool = new RoyaltyPool(admin, registry, token, shares, address(this));
        book = new LicenseBook(admin, registry, pool, token, address(this), address(this));
        custody = new CustodyAccounts(admin, address(this), address(this));
        anchor = new LedgerAnchor(admin, address(this));
    }

    function test_everyPrivilegedFunctionIsRefusedToStrangers() public {
        uint256[] memory none = new uint256[](0);
        uint16[] memory noWeights = new uint16[](0);
        bytes32[] memory noProof = new bytes32[](0);
        bytes32 role = registry.REGISTRAR_ROLE();
        bytes32 hash = keccak256("x");
        _refused(address(token), token.MINTER_ROLE(), abi.encodeCall(token.mint, (STRANGER, 1)));
        _refused(
            address(registry), role, abi.encodeCall(registry.register, (STRANGER, 1, hash, hash, hash, none, noWeights))
        );
        _refused(address(registry), role, abi.encodeCall(registry.addVersion, (1, hash, hash, hash, none, noWeights)));
        _refused(address(registry), role, abi.encodeCall(registry.setRoyalty, (1, STRANGER, 1)));
        role = distributor.PUBLISHER_ROLE();
        _refused(address(distributor), role, abi.encodeCall(distributor.setRoot, (bytes32(0), hash, 0)));
        role = distributor.RECOVERER_ROLE();
        _refused(address(distributor), role, abi.encodeCall(distributor.announceRecovery, (STRANGER)));
        _refused(address(distributor), role, abi.encodeCall(distributor.recover, (STRANGER, 1, noProof, STRANGER)));
        role = book.ISSUER_ROLE();
        _refused(address(shares), role, abi.encodeCall(shares.create, (1, STRANGER, 1)));
        _refused(address(book), role, abi.encodeCall(book.addTerms, (hash, 1, true, true)));
        _refused(address(book), role, abi.encodeCall(book.issue, (STRANGER, 1, hash, 0)));
        _refused(address(book), role, abi.encodeCall(book.revoke, (STRANGER, 1, 1, hash)));
        _refused(address(book), role, abi.encodeCall(book.setOffer, (1, 1, hash, 1, 1)));
        _refused(address(book), role, abi.encodeCall(book.removeOffer, (1, 1)));
        bytes memory call = abi.encodeCall(custody.execute, (ORGANISATION, address(token), ""));
        _refused(address(custody), custody.OPERATOR_ROLE(), call);
        _refused(address(anchor), anchor.COMMITTER_ROLE(), abi.encodeCall(anchor.commit, (1, hash)));
    }

    function test_pausingIsForPausers_andGrantingForTheTimelockOnly() public {
        address[6] memory stoppable =
            [address(registry), address(distributor), address(shares), address(pool), address(book), address(custody)];
        bytes32 pauser = registry.PAUSER_ROLE();
        for (uint256 i = 0; i < stoppable.length; ++i) {
            Pausable target = Pausable(stoppable[i]);
            _refused(stoppable[i], pauser, abi.encodeCall(registry.pause, ()));
            AssetRegistry(stoppable[i]).pause();
            assertTrue(target.paused(), "paused");
            _refused(stoppable[i], pauser, abi.encodeCall(registry.unpause, ()));
            AssetRegistry(stoppable[i]).unpause();
            assertFalse(target.paused(), "resumed");
            _refused(stoppable[i], bytes32(0), abi.encodeCall(IAccessControl.grantRole, (pauser, STRANGER)));
            VM.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
            IAccessControl(stoppable[i]).grantRole(pauser, STRANGER);
        }
    }

    function test_rolesChangeThroughTheTimelock_afterItsDelayOnly() public {
        bytes32 role = anchor.COMMITTER_ROLE();
        bytes memory grant = abi.encodeCall(IAccessControl.grantRole, (role, STRANGER));
        timelock.schedule(address(anchor), 0, grant, bytes32(0), bytes32(0), 2 days);
        VM.expectPartialRevert(bytes4(keccak256("TimelockUnexpectedOperationState(bytes32,bytes32)")));
        timelock.execute(address(anchor), 0, grant, bytes32(0), bytes32(0));
        VM.warp(block.timestamp + 2 days);
        timelock.execute(address(anchor), 0, grant, bytes32(0), bytes32(0));
        VM.prank(STRANGER);
        anchor.commit(1, keccak256("head"));
        VM.expectPartialRevert(bytes4(keccak256("TimelockInsufficientDelay(uint256,uint256)")));
        timelock.schedule(address(anchor), 0, grant, bytes32(0), bytes32(uint256(1)), 1 days);
        assertFalse(timelock.hasRole(bytes32(0), address(this)), "no admin but itself");
    }

    function test_operatorThatLosesItsRoleLosesTheShortcutToo_andOthersGetIn() public {
        bytes32 role = custody.OPERATOR_ROLE();
        bytes memory call = abi.encodeCall(token.balanceOf, (address(this)));
        custody.execute(ORGANISATION, address(token), call);
        VM.prank(address(timelock));
        custody.grantRole(role, STRANGER);
        VM.prank(STRANGER);
        custody.execute(ORGANISATION, address(token), call);
        VM.prank(address(timelock));
        custody.revokeRole(role, address(this));
        VM.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, address(this), role)
        );
        custody.execute(ORGANISATION, address(token), call);
        book.renounceRole(book.ISSUER_ROLE(), address(this));
        VM.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        book.addTerms(keccak256("x"), 1, true, true);
        VM.prank(STRANGER);
        custody.execute(ORGANISATION, address(token), call);
    }

    function test_custodyAccount_ownsBeforeItIsDeployed_andActsForTheOperatorOnly() public {
        address account = custody.accountOf(ORGANISATION);
        token.mint(account, 100);
        registry.register(account, 7, keccak256("c"), keccak256("m"), bytes32(0), new uint256[](0), new uint16[](0));
        assertEq(account.code.length, 0, "nothing there");
        VM.expectEmit();
        emit ICustodyAccounts.CustodyAccountCreated(ORGANISATION, account);
        custody.execute(ORGANISATION, address(token), abi.encodeCall(token.transfer, (STRANGER, 40)));
        assertEq(token.balanceOf(STRANGER), 40, "tokens left");
        custody.execute(ORGANISATION, address(registry), abi.encodeCall(registry.transferFrom, (account, STRANGER, 7)));
        assertEq(registry.ownerOf(7), STRANGER, "the asset left");
        VM.prank(STRANGER);
        registry.safeTransferFrom(STRANGER, account, 7);
        VM.expectRevert(abi.encodeWithSelector(ICustodyAccount.CustodyAccountNotFactory.selector, STRANGER));
        VM.prank(STRANGER);
        CustodyAccount(account).execute(address(token), "");
        VM.expectPartialRevert(bytes4(keccak256("ERC20InsufficientBalance(address,uint256,uint256)")));
        custody.execute(ORGANISATION, address(token), abi.encodeCall(token.transfer, (STRANGER, 61)));
    }

    function test_custodyAccount_receivesLicencesAndShares_andThePauseStopsIt() public {
        address account = custody.accountOf(ORGANISATION);
        custody.execute(ORGANISATION, address(token), abi.encodeCall(token.balanceOf, (account)));
        registry.register(account, 7, keccak256("c"), keccak256("m"), bytes32(0), new uint256[](0), new uint16[](0));
        shares.create(7, account, 10);
        book.addTerms(keccak256("x"), 1, true, true);
        book.issue(account, 7, keccak256("x"), 0);
        assertTrue(book.isLicensed(account, 7, 1), "licensed");
        custody.pause();
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        custody.execute(ORGANISATION, address(token), "");
        assertTrue(custody.accountImplementation() != account, "a proxy");
    }

    function testFuzz_custodyAccounts_differByOrganisation(bytes32 one, bytes32 other) public view {
        VM.assume(one != other);
        assertTrue(custody.accountOf(one) != custody.accountOf(other), "own account");
    }

    function test_anchor_takesRisingNumbersOnly() public {
        VM.expectEmit();
        emit ILedgerAnchor.HeadCommitted(3, keccak256("three"));
        anchor.commit(3, keccak256("three"));
        for (uint64 number = 0; number <= 3; ++number) {
            VM.expectRevert(abi.encodeWithSelector(ILedgerAnchor.LedgerAnchorNotNewer.selector, number, 3));
            anchor.commit(number, keccak256("forged"));
        }
        VM.expectRevert(abi.encodeWithSelector(ILedgerAnchor.LedgerAnchorEmptyHead.selector));
        anchor.commit(4, bytes32(0));
        anchor.commit(9, keccak256("nine"));
        (uint64 latest, bytes32 head) = anchor.latest();
        assertEq(latest, 9, "number");
        assertEq(head, keccak256("nine"), "head");
    }

    function _refused(address target, bytes32 role, bytes memory call) private {
        VM.prank(STRANGER);
        (bool done, bytes memory reason) = target.call(call);
        assertFalse(done, "refused");
        bytes memory expected =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, role);
        assertEq(keccak256(reason), keccak256(expected), "for lack of the role");
    }
}

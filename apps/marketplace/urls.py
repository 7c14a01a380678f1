"""Routes of the marketplace."""

from __future__ import annotations

from django.urls import include, path

from apps.marketplace import api, api_shares, pages, pages_shares

api_urlpatterns = [
    path("listings/", api.ListingListView.as_view(), name="api-listings"),
    path("listings/<uuid:listing_id>/", api.ListingView.as_view(), name="api-listing"),
    path("listings/<uuid:listing_id>/purchase/", api.PurchaseView.as_view(), name="api-listing-purchase"),
    path("licences/", api.LicenceListView.as_view(), name="api-licences"),
    path("licences/<uuid:licence_id>/", api.LicenceView.as_view(), name="api-licence"),
    path("licence-terms/", api.TermsView.as_view(), name="api-licence-terms"),
    path("licence-terms/<str:terms_hash>/", api.TermsDocumentView.as_view(), name="api-licence-terms-document"),
    path("licences/<uuid:licence_id>/record/", api.LicenceRecordView.as_view(), name="api-licence-record"),
    path("licences/<uuid:licence_id>/revocation/", api.RevocationView.as_view(), name="api-licence-revocation"),
    path(
        "licences/<uuid:licence_id>/revocation/record/",
        api.RevocationRecordView.as_view(),
        name="api-licence-revocation-record",
    ),
    path("assets/<uuid:asset_id>/share-offers/", api_shares.ShareOfferListView.as_view(), name="api-share-offers"),
    path(
        "assets/<uuid:asset_id>/share-offers/<uuid:offer_id>/",
        api_shares.ShareOfferView.as_view(),
        name="api-share-offer",
    ),
    path(
        "assets/<uuid:asset_id>/share-offers/<uuid:offer_id>/purchase/",
        api_shares.SharePurchaseView.as_view(),
        name="api-share-purchase",
    ),
    path("sales/", api.SaleListView.as_view(), name="api-sales"),
]

_pages = [
    path("", pages.marketplace, name="marketplace"),
    path("licences/", pages.licences, name="licences"),
    path("licences/status/", pages.licences_fragment, name="licences-fragment"),
    path("sales/", pages.sales, name="sales"),
    path("assets/<uuid:asset_id>/offer/", pages.offer, name="offer"),
    path("assets/<uuid:asset_id>/shares/", pages_shares.shares_page, name="shares"),
    path("assets/<uuid:asset_id>/shares/status/", pages_shares.shares_fragment, name="shares-fragment"),
    path("assets/<uuid:asset_id>/shares/create/", pages_shares.create, name="shares-create"),
    path("assets/<uuid:asset_id>/shares/send/", pages_shares.send, name="shares-send"),
    path("assets/<uuid:asset_id>/shares/offer/", pages_shares.offer, name="shares-offer"),
    path("assets/<uuid:asset_id>/shares/<uuid:offer_id>/buy/", pages_shares.buy, name="shares-buy"),
    path("assets/<uuid:asset_id>/shares/<uuid:offer_id>/withdraw/", pages_shares.withdraw, name="shares-withdraw"),
    path("licences/<uuid:licence_id>/record/", pages.retry_record, name="retry-record"),
    path("licences/<uuid:licence_id>/revoke/", pages.revoke, name="revoke"),
    path("licences/<uuid:licence_id>/revoke/again/", pages.retry_revocation, name="retry-revocation"),
    path("listings/<uuid:listing_id>/buy/", pages.buy, name="buy"),
    path("listings/<uuid:listing_id>/unlist/", pages.unlist, name="unlist"),
]

page_urlpatterns = [path("marketplace/", include((_pages, "marketplace")))]

"""Routes of the marketplace."""

from __future__ import annotations

from django.urls import include, path

from apps.marketplace import api, pages

api_urlpatterns = [
    path("listings/", api.ListingListView.as_view(), name="api-listings"),
    path("listings/<uuid:listing_id>/", api.ListingView.as_view(), name="api-listing"),
    path("listings/<uuid:listing_id>/purchase/", api.PurchaseView.as_view(), name="api-listing-purchase"),
    path("licences/", api.LicenceListView.as_view(), name="api-licences"),
    path("licences/<uuid:licence_id>/", api.LicenceView.as_view(), name="api-licence"),
    path("licence-terms/", api.TermsView.as_view(), name="api-licence-terms"),
    path("licence-terms/<str:terms_hash>/", api.TermsDocumentView.as_view(), name="api-licence-terms-document"),
    path("sales/", api.SaleListView.as_view(), name="api-sales"),
]

_pages = [
    path("", pages.marketplace, name="marketplace"),
    path("licences/", pages.licences, name="licences"),
    path("sales/", pages.sales, name="sales"),
    path("assets/<uuid:asset_id>/offer/", pages.offer, name="offer"),
    path("listings/<uuid:listing_id>/buy/", pages.buy, name="buy"),
    path("listings/<uuid:listing_id>/unlist/", pages.unlist, name="unlist"),
]

page_urlpatterns = [path("marketplace/", include((_pages, "marketplace")))]

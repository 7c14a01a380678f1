"""Routes of the asset registry."""

from __future__ import annotations

from django.urls import include, path

from apps.assets import api, api_ownership, pages

api_urlpatterns = [
    path("assets/", api.AssetListView.as_view(), name="api-assets"),
    path("assets/<uuid:asset_id>/", api.AssetView.as_view(), name="api-asset"),
    path("assets/<uuid:asset_id>/lineage/", api.LineageView.as_view(), name="api-asset-lineage"),
    path("assets/<uuid:asset_id>/verify/", api.VerifyView.as_view(), name="api-asset-verify"),
    path("assets/<uuid:asset_id>/grants/", api.GrantListView.as_view(), name="api-asset-grants"),
    path(
        "assets/<uuid:asset_id>/versions/<int:number>/registration/",
        api.RegistrationView.as_view(),
        name="api-asset-registration",
    ),
    path(
        "assets/<uuid:asset_id>/versions/<int:number>/contribution-proof/",
        api_ownership.ContributionProofView.as_view(),
        name="api-asset-contribution-proof",
    ),
    path("assets/<uuid:asset_id>/holder/", api_ownership.HolderView.as_view(), name="api-asset-holder"),
    path("assets/<uuid:asset_id>/shares/", api_ownership.SharesView.as_view(), name="api-asset-shares"),
    path(
        "assets/<uuid:asset_id>/shares/transfers/",
        api_ownership.ShareTransferView.as_view(),
        name="api-asset-share-transfers",
    ),
    path("assets/<uuid:asset_id>/royalties/", api_ownership.RoyaltiesView.as_view(), name="api-asset-royalties"),
    path("grants/<uuid:grant_id>/", api.GrantView.as_view(), name="api-grant"),
]

_pages = [
    path("<uuid:asset_id>/", pages.asset_page, name="asset"),
    path("<uuid:asset_id>/chain/", pages.chain_fragment, name="chain"),
    path("<uuid:asset_id>/versions/<uuid:version_id>/verify/", pages.verify_page, name="verify"),
    path("<uuid:asset_id>/versions/<uuid:version_id>/retry/", pages.retry_registration, name="retry"),
    path("<uuid:asset_id>/versions/<uuid:version_id>/contribution.json", pages.contribution_proof, name="proof"),
    path("<uuid:asset_id>/move/", pages.move_token, name="move-token"),
    path("<uuid:asset_id>/royalties/", pages.release_royalties, name="release-royalties"),
]

page_urlpatterns = [path("assets/", include((_pages, "assets")))]

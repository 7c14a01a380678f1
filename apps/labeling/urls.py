"""Routes of the labelling room."""

from __future__ import annotations

from django.urls import include, path

from apps.labeling.api import orders as orders_api
from apps.labeling.api import work as work_api
from apps.labeling.pages import orders, work

api_urlpatterns = [
    path("orders/", orders_api.OrderListView.as_view(), name="api-orders"),
    path("orders/quote/", orders_api.QuoteView.as_view(), name="api-order-quote"),
    path("orders/<uuid:order_id>/", orders_api.OrderView.as_view(), name="api-order"),
    path("orders/<uuid:order_id>/progress/", orders_api.ProgressView.as_view(), name="api-order-progress"),
    path("orders/<uuid:order_id>/launch/", orders_api.LaunchView.as_view(), name="api-order-launch"),
    path("orders/<uuid:order_id>/cancel/", orders_api.CancelView.as_view(), name="api-order-cancel"),
    path("orders/<uuid:order_id>/finish/", orders_api.FinishView.as_view(), name="api-order-finish"),
    path("orders/<uuid:order_id>/answers.jsonl", orders_api.AnswersView.as_view(), name="api-order-answers"),
    path("orders/<uuid:order_id>/leases/", work_api.LeaseListView.as_view(), name="api-order-leases"),
    path("task-board/", work_api.TaskBoardView.as_view(), name="api-task-board"),
    path("assignments/<uuid:assignment_id>/submit/", work_api.SubmitView.as_view(), name="api-assignment-submit"),
    path("assignments/<uuid:assignment_id>/extend/", work_api.ExtendView.as_view(), name="api-assignment-extend"),
    path("assignments/<uuid:assignment_id>/skip/", work_api.SkipView.as_view(), name="api-assignment-skip"),
    path("assignments/<uuid:assignment_id>/flag/", work_api.FlagView.as_view(), name="api-assignment-flag"),
    path("assignments/<uuid:assignment_id>/undo/", work_api.UndoView.as_view(), name="api-assignment-undo"),
    path("annotations/", work_api.AnnotationListView.as_view(), name="api-annotations"),
]

_orders = [
    path("", orders.order_list, name="orders"),
    path("new/", orders.new_order, name="new"),
    path("quote/", orders.quote_fragment, name="quote"),
    path("preview/", orders.preview_fragment, name="preview"),
    path("<uuid:order_id>/", orders.order_page, name="order"),
    path("<uuid:order_id>/progress/", orders.progress_fragment, name="progress"),
    path("<uuid:order_id>/launch/", orders.launch, name="launch"),
    path("<uuid:order_id>/cancel/", orders.cancel, name="cancel"),
    path("<uuid:order_id>/finish/", orders.finish, name="finish"),
    path("<uuid:order_id>/answers.jsonl", orders.answers, name="answers"),
]

_work = [
    path("", work.board, name="board"),
    path("mine/", work.my_work, name="mine"),
    path("mine/totals/", work.my_totals_fragment, name="my-totals"),
    path("<uuid:order_id>/", work.player, name="player"),
    path("<uuid:order_id>/start/", work.start, name="start"),
    path("<uuid:order_id>/answer/", work.answer, name="answer"),
]

page_urlpatterns = [
    path("orders/", include((_orders, "orders"))),
    path("work/", include((_work, "work"))),
]

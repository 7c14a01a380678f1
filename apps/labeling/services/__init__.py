"""Writes of the labelling room."""

from apps.labeling.services.annotators import annotator_of, move_work
from apps.labeling.services.answering import (
    Submission,
    extend_lease,
    flag_task,
    skip_task,
    submit_annotation,
    undo_annotation,
)
from apps.labeling.services.appealing import file_appeal
from apps.labeling.services.approving import approve_overdue
from apps.labeling.services.board import refresh_board
from apps.labeling.services.changing import (
    extend_order,
    extension_of,
    pause_order,
    resume_order,
    set_deadline,
    set_target,
)
from apps.labeling.services.closing import close_order
from apps.labeling.services.correcting import correct_dataset
from apps.labeling.services.drafting import DraftSettings, draft_with
from apps.labeling.services.eligibility import declare_languages, set_requirements
from apps.labeling.services.ending import end_due_orders
from apps.labeling.services.import_orders import create_order_from_import
from apps.labeling.services.import_run import run_import
from apps.labeling.services.importing import (
    cancel_import,
    correct_import,
    create_import,
    remove_import,
    retry_import,
)
from apps.labeling.services.judging import adjudicate, review_answer
from apps.labeling.services.leasing import close_expired_leases, lease_tasks
from apps.labeling.services.machine import advance_machine, advance_machines, set_machine, why_not
from apps.labeling.services.orders import (
    cancel_order,
    create_order,
    create_order_from_file,
    finish_order,
    launch_order,
)
from apps.labeling.services.planning import plan_due_orders, plan_labels
from apps.labeling.services.reserving import release_due_reserves, reserve_of
from apps.labeling.services.review_pay import set_reviews
from apps.labeling.services.reviewing import decide_review, take_review
from apps.labeling.services.sampling import answer_sample, use_sample_as_checks
from apps.labeling.services.settling import settle_item, settle_items
from apps.labeling.services.skills import change_skill, create_skill, end_attempt, end_lapsed_attempts, take_skill
from apps.labeling.services.unmasking import unmask_item
from apps.labeling.services.watching import decide_case, reply_to_case, watch_order, watch_orders

__all__ = [
    "DraftSettings",
    "Submission",
    "adjudicate",
    "advance_machine",
    "advance_machines",
    "annotator_of",
    "answer_sample",
    "approve_overdue",
    "cancel_import",
    "cancel_order",
    "change_skill",
    "close_expired_leases",
    "close_order",
    "correct_dataset",
    "correct_import",
    "create_import",
    "create_order",
    "create_order_from_file",
    "create_order_from_import",
    "create_skill",
    "decide_case",
    "decide_review",
    "declare_languages",
    "draft_with",
    "end_attempt",
    "end_due_orders",
    "end_lapsed_attempts",
    "extend_lease",
    "extend_order",
    "extension_of",
    "file_appeal",
    "finish_order",
    "flag_task",
    "launch_order",
    "lease_tasks",
    "move_work",
    "pause_order",
    "plan_due_orders",
    "plan_labels",
    "refresh_board",
    "release_due_reserves",
    "remove_import",
    "reply_to_case",
    "reserve_of",
    "resume_order",
    "retry_import",
    "review_answer",
    "run_import",
    "set_deadline",
    "set_machine",
    "set_requirements",
    "set_reviews",
    "set_target",
    "settle_item",
    "settle_items",
    "skip_task",
    "submit_annotation",
    "take_review",
    "take_skill",
    "undo_annotation",
    "unmask_item",
    "use_sample_as_checks",
    "watch_order",
    "watch_orders",
    "why_not",
]

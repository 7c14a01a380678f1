"""Routes of the labelling room."""

from __future__ import annotations

from django.urls import include, path

from apps.labeling.api import agreement as agreement_api
from apps.labeling.api import appeals as appeals_api
from apps.labeling.api import cases as cases_api
from apps.labeling.api import exports as exports_api
from apps.labeling.api import imports as imports_api
from apps.labeling.api import machine as machine_api
from apps.labeling.api import order_changes as changes_api
from apps.labeling.api import orders as orders_api
from apps.labeling.api import reviewing as reviewing_api
from apps.labeling.api import sampling as sampling_api
from apps.labeling.api import skills as skills_api
from apps.labeling.api import work as work_api
from apps.labeling.pages import (
    agreement,
    appeals,
    cases,
    imports,
    machine,
    order_changes,
    orders,
    reviewing,
    sampling,
    skills,
    work,
)

api_urlpatterns = [
    path("orders/", orders_api.OrderListView.as_view(), name="api-orders"),
    path("orders/quote/", orders_api.QuoteView.as_view(), name="api-order-quote"),
    path("orders/<uuid:order_id>/", orders_api.OrderView.as_view(), name="api-order"),
    path("orders/<uuid:order_id>/progress/", orders_api.ProgressView.as_view(), name="api-order-progress"),
    path("orders/<uuid:order_id>/launch/", orders_api.LaunchView.as_view(), name="api-order-launch"),
    path("orders/<uuid:order_id>/cancel/", orders_api.CancelView.as_view(), name="api-order-cancel"),
    path("orders/<uuid:order_id>/finish/", orders_api.FinishView.as_view(), name="api-order-finish"),
    path("orders/<uuid:order_id>/sample/", sampling_api.SampleView.as_view(), name="api-order-sample"),
    path("orders/<uuid:order_id>/sample/checks/", sampling_api.SampleChecksView.as_view(), name="api-order-checks"),
    path("orders/<uuid:order_id>/pause/", changes_api.PauseView.as_view(), name="api-order-pause"),
    path("orders/<uuid:order_id>/resume/", changes_api.ResumeView.as_view(), name="api-order-resume"),
    path("orders/<uuid:order_id>/extension/", changes_api.ExtensionView.as_view(), name="api-order-extension"),
    path("orders/<uuid:order_id>/deadline/", changes_api.DeadlineView.as_view(), name="api-order-deadline"),
    path("orders/<uuid:order_id>/target/", changes_api.TargetView.as_view(), name="api-order-target"),
    path("orders/<uuid:order_id>/machine/", machine_api.MachineView.as_view(), name="api-order-machine"),
    path("orders/<uuid:order_id>/answers.jsonl", orders_api.AnswersView.as_view(), name="api-order-answers"),
    path("orders/<uuid:order_id>/agreement/", agreement_api.AgreementView.as_view(), name="api-order-agreement"),
    path("orders/<uuid:order_id>/appeals/", appeals_api.OrderAppealListView.as_view(), name="api-order-appeals"),
    path("orders/<uuid:order_id>/export/", exports_api.OrderExportView.as_view(), name="api-order-export"),
    path("orders/<uuid:order_id>/requirements/", skills_api.RequirementsView.as_view(), name="api-order-requirements"),
    path(
        "orders/<uuid:order_id>/review-settings/", reviewing_api.ReviewSettingsView.as_view(), name="api-order-reviews"
    ),
    path("orders/<uuid:order_id>/disputed/", reviewing_api.DisputedView.as_view(), name="api-order-disputed"),
    path(
        "orders/<uuid:order_id>/items/<uuid:task_id>/", reviewing_api.ReviewedItemView.as_view(), name="api-order-item"
    ),
    path(
        "orders/<uuid:order_id>/items/<uuid:task_id>/adjudicate/",
        reviewing_api.AdjudicateView.as_view(),
        name="api-order-item-adjudicate",
    ),
    path(
        "orders/<uuid:order_id>/annotations/<uuid:annotation_id>/review/",
        reviewing_api.ReviewAnswerView.as_view(),
        name="api-order-annotation-review",
    ),
    path("orders/<uuid:order_id>/cases/", cases_api.OrderCaseListView.as_view(), name="api-order-cases"),
    path("cases/<uuid:case_id>/decide/", cases_api.CaseDecisionView.as_view(), name="api-case-decide"),
    path("review-cases/", cases_api.MyCaseListView.as_view(), name="api-review-cases"),
    path("review-cases/<uuid:case_id>/reply/", cases_api.CaseReplyView.as_view(), name="api-review-case-reply"),
    path("skills/", skills_api.SkillListView.as_view(), name="api-skills"),
    path("skills/<uuid:skill_id>/", skills_api.SkillView.as_view(), name="api-skill"),
    path("skills/<uuid:skill_id>/take/", skills_api.TakeSkillView.as_view(), name="api-skill-take"),
    path("skills/<uuid:skill_id>/end/", skills_api.EndAttemptView.as_view(), name="api-skill-end"),
    path("annotator-profile/", skills_api.ProfileView.as_view(), name="api-annotator-profile"),
    path("label-configs/", exports_api.LabelConfigView.as_view(), name="api-label-configs"),
    path("orders/<uuid:order_id>/leases/", work_api.LeaseListView.as_view(), name="api-order-leases"),
    path("imports/", imports_api.ImportListView.as_view(), name="api-imports"),
    path("imports/<uuid:import_id>/", imports_api.ImportView.as_view(), name="api-import"),
    path("imports/<uuid:import_id>/cancel/", imports_api.ImportCancelView.as_view(), name="api-import-cancel"),
    path("imports/<uuid:import_id>/retry/", imports_api.ImportRetryView.as_view(), name="api-import-retry"),
    path("imports/<uuid:import_id>/correct/", imports_api.ImportCorrectionView.as_view(), name="api-import-correct"),
    path("imports/<uuid:import_id>/items/", imports_api.ImportedItemListView.as_view(), name="api-import-items"),
    path("imports/<uuid:import_id>/quarantine/", imports_api.QuarantineView.as_view(), name="api-import-quarantine"),
    path(
        "imports/<uuid:import_id>/quarantine.csv",
        imports_api.QuarantineCsvView.as_view(),
        name="api-import-quarantine-csv",
    ),
    path(
        "imported-items/<uuid:imported_item_id>/unmask/",
        imports_api.UnmaskView.as_view(),
        name="api-imported-item-unmask",
    ),
    path("media/<uuid:media_id>/", imports_api.MediaView.as_view(), name="api-media"),
    path("task-board/", work_api.TaskBoardView.as_view(), name="api-task-board"),
    path("assignments/<uuid:assignment_id>/submit/", work_api.SubmitView.as_view(), name="api-assignment-submit"),
    path("assignments/<uuid:assignment_id>/extend/", work_api.ExtendView.as_view(), name="api-assignment-extend"),
    path("assignments/<uuid:assignment_id>/skip/", work_api.SkipView.as_view(), name="api-assignment-skip"),
    path("assignments/<uuid:assignment_id>/flag/", work_api.FlagView.as_view(), name="api-assignment-flag"),
    path("assignments/<uuid:assignment_id>/undo/", work_api.UndoView.as_view(), name="api-assignment-undo"),
    path("annotations/", work_api.AnnotationListView.as_view(), name="api-annotations"),
    path("annotations/<uuid:annotation_id>/appeal/", appeals_api.AppealView.as_view(), name="api-annotation-appeal"),
    path("reviews/", appeals_api.TakeReviewView.as_view(), name="api-reviews"),
    path("reviews/<uuid:review_id>/decide/", appeals_api.VerdictView.as_view(), name="api-review-decide"),
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
    path("<uuid:order_id>/machine/", machine.set_machine, name="machine"),
    path("<uuid:order_id>/agreement/", agreement.agreement_page, name="agreement"),
    path("<uuid:order_id>/sample/", sampling.sample, name="sample"),
    path("<uuid:order_id>/sample/checks/", sampling.use_as_checks, name="sample-checks"),
    path("<uuid:order_id>/pause/", order_changes.pause, name="pause"),
    path("<uuid:order_id>/resume/", order_changes.resume, name="resume"),
    path("<uuid:order_id>/extend/", order_changes.extend, name="extend"),
    path("<uuid:order_id>/deadline/", order_changes.deadline, name="deadline"),
    path("<uuid:order_id>/target/", order_changes.target, name="target"),
    path("<uuid:order_id>/appeals/", appeals.order_appeals, name="appeals"),
    path("<uuid:order_id>/review/", reviewing.queue, name="review"),
    path("<uuid:order_id>/review/settings/", reviewing.settings, name="review-settings"),
    path("<uuid:order_id>/review/<uuid:task_id>/", reviewing.item, name="review-item"),
    path("<uuid:order_id>/review/<uuid:task_id>/decide/", reviewing.decide, name="review-decide"),
    path("<uuid:order_id>/cases/", cases.order_cases, name="cases"),
    path("<uuid:order_id>/cases/<uuid:case_id>/decide/", cases.decide, name="case-decide"),
    path("<uuid:order_id>/requirements/", skills.requirements, name="requirements"),
    path("<uuid:order_id>/answers.jsonl", orders.answers, name="answers"),
]

_imports = [
    path("", imports.import_list, name="imports"),
    path("new/", imports.new_import, name="new"),
    path("<uuid:import_id>/", imports.import_page, name="import"),
    path("<uuid:import_id>/progress/", imports.progress_fragment, name="progress"),
    path("<uuid:import_id>/cancel/", imports.cancel, name="cancel"),
    path("<uuid:import_id>/retry/", imports.retry, name="retry"),
    path("<uuid:import_id>/correct/", imports.correct, name="correct"),
    path("<uuid:import_id>/remove/", imports.remove, name="remove"),
    path("<uuid:import_id>/quarantine.csv", imports.quarantine, name="quarantine"),
]

_work = [
    path("", work.board, name="board"),
    path("mine/", work.my_work, name="mine"),
    path("mine/totals/", work.my_totals_fragment, name="my-totals"),
    path("mine/<uuid:annotation_id>/", appeals.answer_page, name="annotation"),
    path("mine/<uuid:annotation_id>/appeal/", appeals.file_appeal, name="appeal"),
    path("profile/", skills.profile, name="profile"),
    path("skills/", skills.skill_list, name="skills"),
    path("skills/<uuid:skill_id>/", skills.skill_page, name="skill"),
    path("skills/<uuid:skill_id>/take/", skills.take, name="skill-take"),
    path("skills/<uuid:skill_id>/end/", skills.end, name="skill-end"),
    path("<uuid:order_id>/review/", reviewing.annotator_queue, name="review"),
    path("<uuid:order_id>/review/<uuid:task_id>/", reviewing.annotator_item, name="review-item"),
    path("<uuid:order_id>/review/<uuid:task_id>/decide/", reviewing.annotator_decide, name="review-item-decide"),
    path("cases/", cases.my_cases, name="cases"),
    path("cases/<uuid:case_id>/", cases.my_case, name="case"),
    path("cases/<uuid:case_id>/reply/", cases.reply, name="case-reply"),
    path("reviews/", appeals.reviews, name="reviews"),
    path("reviews/take/", appeals.take_review, name="review-take"),
    path("reviews/<uuid:review_id>/decide/", appeals.decide_review, name="review-decide"),
    path("<uuid:order_id>/", work.player, name="player"),
    path("<uuid:order_id>/start/", work.start, name="start"),
    path("<uuid:order_id>/answer/", work.answer, name="answer"),
]

_skills = [
    path("", skills.own_skills, name="own"),
    path("new/", skills.new_skill, name="new"),
    path("<uuid:skill_id>/change/", skills.change, name="change"),
]

page_urlpatterns = [
    path("orders/", include((_orders, "orders"))),
    path("imports/", include((_imports, "imports"))),
    path("work/", include((_work, "work"))),
    path("skills/", include((_skills, "skills"))),
    path("staff/cases/", cases.staff_cases, name="staff-cases"),
]

/**
 * `<task-player>`: one item a screen. The next tasks are here before they are needed and answers travel in the background,
 * so the next task is painted with the key press. A task that asks for one choice is answered with one key; any other is
 * sent with Ctrl+Enter or the button, and what was begun is kept. The server has rendered the page; without this element
 * it is a plain form.
 *
 * Keys go to the question that has the focus, else to the first that is not answered. Then: Z undo, S skip, F flag, E more
 * time, H help. Keys of one character can be switched off.
 */
import { api, pageData, Problem } from "../core/lib/http";
import { subscribe } from "../core/lib/live";
import { Ahead } from "./lib/ahead";
import { AnswerForm } from "./lib/answer-form";
import { Drafts } from "./lib/drafts";
import { type Given, LastGiven } from "./lib/given";
import { HotkeySwitch } from "./lib/hotkey-switch";
import { showInput } from "./lib/inputs";
import { LeaseClock } from "./lib/lease-clock";
import { noticeInWords, SIGNED_OUT } from "./lib/notices";
import { type Batch, type Held, hold, type PlayerData } from "./lib/player-data";
import { isPassing, isSignedOut, Sender, type Task } from "./lib/sender";
import { Tabs } from "./lib/tabs";
import { Tally } from "./lib/tally";

/** A task that was fetched ahead gets new time when it is shown with less than this left. */
const RENEW_MS = 120_000;
/** A paused order is asked so often whether it goes on. */
const PAUSED_RETRY_MS = 15_000;

class TaskPlayer extends HTMLElement {
  private data!: PlayerData;
  private sender!: Sender;
  private form!: AnswerForm;
  private drafts!: Drafts;
  private hotkeys!: HotkeySwitch;
  private ahead!: Ahead;
  private clock!: LeaseClock;
  private tabs!: Tabs;
  private queue: Held[] = [];
  private given!: LastGiven;
  /** Tasks that were answered on this page. */
  private readonly answeredHere = new Map<string, Held>();
  private tally!: Tally;
  private shownAt = 0;
  /** The task whose time was asked for by itself: once is enough, then the annotator is warned. */
  private renewedId = "";
  private isFetching = false;
  private isFinished = false;
  private stops: (() => void)[] = [];
  private fetchTimer: number | undefined;

  connectedCallback(): void {
    this.data = pageData<PlayerData>("player-data");
    this.queue = this.data.tasks.map(hold);
    const name = `sahara.player.${this.data.order_id}`;
    this.tally = new Tally((part) => this.piece(part), this.data);
    this.given = new LastGiven(name);
    const [timer, warning, text] = [this.piece("timer"), this.piece("warning"), this.piece("warning-text")];
    this.clock = new LeaseClock({ timer, warning, text });
    this.ahead = new Ahead(this.data.design.inputs);
    this.tabs = new Tabs(name, (id) => this.dealtWithElsewhere(id));
    this.sender = new Sender(name, {
      stored: (totals) => this.tally.show(totals),
      refused: (problem, given) => this.refused(problem, given),
      signedOut: () => this.say(SIGNED_OUT),
      waiting: (count, isDown) => this.showWaiting(count, isDown),
    });
    // A reload can come before its answers have left: those tasks are not to be asked again.
    this.queue = this.queue.filter((task) => !this.sender.has(task.id));
    this.drafts = new Drafts(`sahara.drafts.${this.data.order_id}`);
    this.form = new AnswerForm(this.piece("controls"), this.data.design.controls, {
      changed: () => this.onAnswer(),
      say: (message) => this.say(message),
    });
    const keys = (event: KeyboardEvent): void => this.onKey(event);
    document.addEventListener("keydown", keys);
    const clock = window.setInterval(() => this.tick(), 1_000);
    this.stops = [
      () => document.removeEventListener("keydown", keys),
      () => window.clearInterval(clock),
      () => this.tabs.close(),
      () => this.tally.stop(),
      subscribe(`work:${this.data.annotator_id}`, (notice) => this.onNotice(notice)),
    ];
    this.addEventListener("submit", (event) => this.onSubmit(event));
    this.addEventListener("click", (event) => this.onClick(event));
    this.hotkeys = new HotkeySwitch(this.piece<HTMLInputElement>("hotkeys"));
    this.show();
    void this.refill();
    void this.loadEditors();
  }

  private async loadEditors(): Promise<void> {
    try {
      await this.form.load();
    } catch {
      this.say("The answer's fields could not be loaded. Check the connection and open the page again.");
      return;
    }
    this.show();
    if (!this.form.lone) this.form.focusFirst();
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    for (const stop of this.stops) stop();
    window.clearTimeout(this.fetchTimer);
  }

  private piece<T extends HTMLElement = HTMLElement>(name: string): T {
    const found = this.querySelector<T>(`[data-part="${name}"]`);
    if (!found) throw new Error(`the player has no part ${name}`);
    return found;
  }

  // -- what the annotator does

  private onSubmit(event: SubmitEvent): void {
    const form = event.target as HTMLFormElement;
    if (form.dataset["part"] === "flag-form") {
      event.preventDefault();
      this.flag();
      return;
    }
    const button = event.submitter as HTMLButtonElement | null;
    // Until the editors are here the plain form works.
    if (form.dataset["part"] !== "form" || !this.form.isReady) return;
    event.preventDefault();
    if (button?.value === "skip") this.skip();
    else if (button?.value === "flag") this.askFlag();
    else this.send();
  }

  private onClick(event: MouseEvent): void {
    const action = (event.target as HTMLElement).closest<HTMLElement>("[data-action]")?.dataset["action"];
    if (action === "undo") void this.undo();
    else if (action === "extend") void this.extend();
    else if (action === "help") this.piece<HTMLDetailsElement>("help").toggleAttribute("open");
    else if (action === "cancel-flag") this.piece<HTMLDialogElement>("flag").close();
  }

  private onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || target.closest("dialog[open]")) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !this.form.lone) {
      event.preventDefault();
      if (!event.repeat) this.send();
      return;
    }
    if (target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    if ((event.key === "Enter" || event.key === " ") && target.closest("button, a, summary, input")) return;
    const isCharacter = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isCharacter && !this.hotkeys.isOn) return;
    const isForAnswer = this.queue.length > 0 && this.form.keys(event);
    if (isForAnswer || (isCharacter && !event.repeat && this.ownKey(event.key.toLowerCase()))) event.preventDefault();
  }

  private ownKey(key: string): boolean {
    const actions: Record<string, () => void> = {
      z: () => void this.undo(),
      s: () => this.skip(),
      f: () => this.askFlag(),
      e: () => void this.extend(),
      h: () => this.piece<HTMLDetailsElement>("help").toggleAttribute("open"),
    };
    actions[key]?.();
    return key in actions;
  }

  private onAnswer(): void {
    const task = this.queue[0];
    if (!task) return;
    if (this.form.lone) this.send();
    else this.drafts.keep(task.id, this.form.answer);
  }

  private send(): void {
    const problem = this.form.problem();
    if (problem) {
      this.say(problem);
      return;
    }
    const task = this.queue.shift();
    if (!task) return;
    const elapsed = performance.now() - this.shownAt;
    const { answer } = this.form;
    this.drafts.drop(task.id);
    this.given.add({ id: task.id, answer });
    this.answeredHere.set(task.id, task);
    this.tally.count(1);
    this.show();
    this.say("");
    if (!this.form.lone) this.form.focusFirst();
    this.sender.answer(task.id, answer, elapsed);
    this.tabs.tell(task.id);
    void this.refill();
  }

  private skip(): void {
    this.giveBack("skip", {}, "Skipped.");
  }

  private askFlag(): void {
    if (this.queue.length === 0) return;
    const dialog = this.piece<HTMLDialogElement>("flag");
    dialog.showModal();
    this.piece<HTMLInputElement>("flag-note").focus();
  }

  private flag(): void {
    const note = this.piece<HTMLInputElement>("flag-note");
    note.blur(); // the next key may come before the browser has moved the focus out of the closed dialog
    this.piece<HTMLDialogElement>("flag").close();
    this.giveBack("flag", { note: note.value }, "Flagged. Thank you.");
    note.value = "";
  }

  private giveBack(action: "skip" | "flag", json: unknown, message: string): void {
    const task = this.queue.shift();
    if (!task) return;
    this.drafts.drop(task.id);
    this.tabs.tell(task.id);
    this.show();
    this.say(message);
    this.sender.act(task.id, action, json).catch((error: unknown) => {
      // A task that was not given back is free again when its time is over; nothing is lost.
      if (error instanceof Problem && !isPassing(error)) this.refused(error);
    });
    void this.refill();
  }

  private async undo(): Promise<void> {
    const given = this.given.take();
    if (!given) {
      this.say("There is no answer to take back.");
      return;
    }
    if (!this.form.lone) this.drafts.keep(given.id, given.answer);
    // What was answered before a reload comes back with the server's word.
    const task = this.answeredHere.get(given.id);
    if (task) {
      this.tally.count(-1);
      this.takeBack(task);
    }
    try {
      const renewed = hold(await this.sender.act<Task>(given.id, "undo"));
      if (task) task.until = renewed.until;
      else this.takeBack(renewed);
    } catch (error) {
      this.queue = this.queue.filter((one) => one.id !== given.id);
      if (task) this.tally.count(1);
      this.drafts.drop(given.id);
      this.show();
      this.say(error instanceof Problem ? error.detail : "The connection is down; the answer was not taken back.");
    }
  }

  private takeBack(task: Held): void {
    this.queue.unshift(task);
    this.show();
    this.say("Answer taken back.");
  }

  private async extend(): Promise<void> {
    const task = this.queue[0];
    if (!task) return;
    try {
      const renewed = await this.sender.act<Task>(task.id, "extend");
      task.until = performance.now() + renewed.expires_in_ms;
      this.tick();
    } catch (error) {
      if (!(error instanceof Problem) || isPassing(error)) return;
      this.queue = this.queue.filter((one) => one !== task);
      this.show();
      this.refused(error);
      void this.refill();
    }
  }

  // -- tasks ahead

  private async refill(): Promise<void> {
    const wanted = this.data.prefetch - this.queue.length;
    if (this.isFetching || this.isFinished || wanted <= 0) return;
    this.isFetching = true;
    let againMs = 0;
    try {
      const batch = await api<Batch>(this.data.leases_url, { method: "POST", json: { count: wanted } });
      const isEmpty = this.queue.length === 0;
      this.queue.push(...batch.tasks.map(hold));
      this.ahead.keep(this.queue);
      if (isEmpty) this.show();
      if (batch.tasks.length === 0) {
        if (batch.remaining) againMs = Math.max(1, batch.retry_after_s) * 1_000;
        else this.isFinished = true;
      }
    } catch (error) {
      if (error instanceof Problem && !isPassing(error)) {
        this.say(isSignedOut(error) ? SIGNED_OUT : error.detail);
        if (error.code === "order_paused") againMs = PAUSED_RETRY_MS;
        else this.isFinished = true;
      } else {
        againMs = 3_000;
      }
    } finally {
      this.isFetching = false;
    }
    if (this.queue.length === 0) this.show();
    if (againMs > 0) this.fetchTimer = window.setTimeout(() => void this.refill(), againMs);
    else void this.refill();
  }

  // -- what the page shows

  private show(): void {
    const task = this.queue[0];
    this.piece("form").hidden = !task;
    for (const button of this.querySelectorAll<HTMLElement>('[data-part="actions"] [name="action"]')) button.hidden = !task;
    this.piece("empty").hidden = Boolean(task);
    this.piece("waiting-for-tasks").hidden = Boolean(task) || this.isFinished;
    this.piece("finished").hidden = Boolean(task) || !this.isFinished;
    this.piece<HTMLButtonElement>("undo").disabled = this.given.isEmpty;
    if (task) this.showTask(task);
    this.shownAt = performance.now();
    if (task && task.id !== this.renewedId && task.until - this.shownAt < RENEW_MS) {
      this.renewedId = task.id;
      void this.extend();
    }
    this.ahead.keep(this.queue);
    this.tick();
  }

  private showTask(task: Held): void {
    for (const input of this.data.design.inputs) {
      const place = this.querySelector<HTMLElement>(`[data-input="${input.name}"]`);
      if (!place) continue;
      const isShown = !this.form.showsInput(input.name);
      place.closest("section")?.toggleAttribute("hidden", !isShown);
      if (isShown) showInput(place, input, task.data[input.name]);
    }
    this.form.show(task.data, this.drafts.get(task.id));
  }

  private tick(): void {
    this.clock.show(this.queue[0]?.until);
  }

  private onNotice(notice: unknown): void {
    const words = noticeInWords(notice, this.data.order_id);
    if (words) this.say(words);
    this.tally.refreshSoon();
  }

  private showWaiting(count: number, isDown: boolean): void {
    const offline = this.piece("offline");
    offline.hidden = !isDown || count === 0;
    if (!offline.hidden) {
      offline.textContent = `The connection is down. ${count} ${count === 1 ? "answer is" : "answers are"} kept here and will be sent.`;
    }
  }

  private refused(problem: Problem, given?: Given): void {
    if (given) {
      if (this.answeredHere.has(given.id)) this.tally.count(-1);
      this.given.drop(given.id);
      this.giveAgain(problem, given);
    }
    if (problem.code === "order_not_open" || problem.code === "standing_lost") {
      this.isFinished = true;
      this.queue = [];
      this.show();
    }
    this.say(problem.detail);
  }

  /** An answer that the server cannot use comes back to be put right. */
  private giveAgain(problem: Problem, given: Given): void {
    const task = this.answeredHere.get(given.id);
    if (problem.code !== "unusable_answer" || !task) return;
    this.drafts.keep(given.id, given.answer);
    this.queue.unshift(task);
    this.show();
  }

  private dealtWithElsewhere(id: string): void {
    const isShown = this.queue[0]?.id === id;
    this.queue = this.queue.filter((task) => task.id !== id);
    if (!isShown) return;
    this.drafts.drop(id);
    this.show();
    this.say("You dealt with that task in another tab.");
    void this.refill();
  }

  private say(message: string): void {
    this.piece("status").textContent = message;
  }
}

customElements.define("task-player", TaskPlayer);

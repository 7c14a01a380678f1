/** Tells the other tabs of this browser which task was dealt with, so that none shows it any more. */
export class Tabs {
  private readonly channel: BroadcastChannel | undefined;

  constructor(name: string, dealtWith: (taskId: string) => void) {
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (event) => dealtWith(String(event.data));
  }

  tell(taskId: string): void {
    this.channel?.postMessage(taskId);
  }

  close(): void {
    this.channel?.close();
  }
}

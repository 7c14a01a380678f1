/**
 * `<connect-wallet challenge="…" verify="…">`: one button for each browser wallet (EIP-6963, or the older
 * `window.ethereum`); a click asks for the address, has the server's text signed, and links the wallet. Without a browser
 * wallet the element stays hidden and the form below it does the same by hand.
 */
import { Problem, api } from "../core/lib/http";

interface Provider {
  request(call: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>;
}

interface Announcement {
  readonly info: { readonly uuid: string; readonly name: string };
  readonly provider: Provider;
}

interface Challenge {
  readonly message: string;
  readonly address: string;
}

const USER_REFUSED = 4001;

class ConnectWallet extends HTMLElement {
  private readonly stop = new AbortController();
  private readonly seen = new Set<string>();

  connectedCallback(): void {
    const announced = (event: Event): void => {
      const { info, provider } = (event as CustomEvent<Announcement>).detail;
      if (!this.seen.has(info.uuid)) this.offer(info.uuid, info.name, provider);
    };
    window.addEventListener("eip6963:announceProvider", announced, { signal: this.stop.signal });
    window.dispatchEvent(new Event("eip6963:requestProvider"));
    const single = (window as { ethereum?: Provider }).ethereum;
    if (this.seen.size === 0 && single) this.offer("single", "your wallet", single);
  }

  disconnectedCallback(): void {
    this.stop.abort();
  }

  private offer(id: string, name: string, provider: Provider): void {
    this.seen.add(id);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-primary";
    button.textContent = `Connect ${name}`;
    button.addEventListener("click", () => void this.link(button, provider), { signal: this.stop.signal });
    this.querySelector("[data-wallets]")?.append(button);
    this.hidden = false;
  }

  private async link(button: HTMLButtonElement, provider: Provider): Promise<void> {
    button.disabled = true;
    try {
      this.say("Choose an account in your wallet.");
      const accounts = (await provider.request({ method: "eth_requestAccounts" })) as readonly string[];
      const address = accounts[0];
      if (address === undefined) throw new Error("The wallet has given no account.");
      const challenge = await api<Challenge>(this.address("challenge"), { method: "POST", json: { address } });
      this.say("Sign the text in your wallet. It costs nothing and moves no money.");
      const signature = await provider.request({ method: "personal_sign", params: [hex(challenge.message), address] });
      await api(this.address("verify"), { method: "POST", json: { message: challenge.message, signature } });
      location.reload();
    } catch (error) {
      this.say(sentence(error));
      button.disabled = false;
    }
  }

  private address(name: string): string {
    return this.getAttribute(name) ?? "";
  }

  private say(text: string): void {
    const says = this.querySelector("[data-says]");
    if (says) says.textContent = text;
  }
}

/** The text's bytes: a wallet that is given hex cannot take the text for anything else. */
function hex(text: string): string {
  return `0x${[...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function sentence(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  const refused = (error as { code?: unknown }).code === USER_REFUSED;
  if (refused) return "You have not signed. Nothing was changed.";
  return error instanceof Error ? error.message : "The wallet did not answer. Try again.";
}

customElements.define("connect-wallet", ConnectWallet);

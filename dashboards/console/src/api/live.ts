import { liveAddress } from "./client";
import type { Frame } from "./types";

export type Link =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "lost"; retry_at_ms: number };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** A connection that says nothing for this long is taken for dead: a cable pulled out closes no socket. */
const SILENCE_MS = 15_000;

/** Keeps one WebSocket to the gateway open and hands on its frames; connects again, ever more slowly. */
export class Live {
  private socket: WebSocket | null = null;
  private retry = 0;
  private watchdog = 0;
  private wait_ms = FIRST_WAIT_MS;

  constructor(
    private floor: string,
    private readonly onFrame: (frame: Frame) => void,
    private readonly onLink: (link: Link) => void,
  ) {}

  open(): void {
    this.close();
    this.onLink({ state: "connecting" });
    const socket = new WebSocket(liveAddress(this.floor));
    this.socket = socket;
    socket.onopen = () => {
      this.onLink({ state: "open" });
      this.ask();
      this.watch();
    };
    socket.onmessage = (message: MessageEvent<string>) => {
      this.wait_ms = FIRST_WAIT_MS;
      this.watch();
      this.onFrame(JSON.parse(message.data) as Frame);
    };
    socket.onclose = () => this.lost();
  }

  /** Follow another floor on the same connection. */
  follow(floor: string): void {
    this.floor = floor;
    this.ask();
  }

  close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = null;
      socket.onmessage = null;
      socket.close();
    }
  }

  private ask(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ floor: this.floor }));
  }

  private watch(): void {
    clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => this.lost(), SILENCE_MS);
  }

  private lost(): void {
    this.close();
    const wait = this.wait_ms * (0.75 + Math.random() / 2); // many consoles must not come back in one instant
    this.wait_ms = Math.min(this.wait_ms * 2, LONGEST_WAIT_MS);
    this.onLink({ state: "lost", retry_at_ms: Date.now() + wait });
    this.retry = window.setTimeout(() => this.open(), wait);
  }
}

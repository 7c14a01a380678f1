/** The loudness of a recording along its time, as an SVG path; the browser's own decoder reads the file. */

const BARS = 600;
/** Enough for loudness, and a quarter of what most recordings would take. */
const SAMPLE_RATE = 8_000;
const MOST_BYTES = 30_000_000;

/** The path for a `viewBox` of 0 0 600 100; undefined where the file is too large or is no sound. */
export async function waveform(url: string, bytes: number, signal: AbortSignal): Promise<string | undefined> {
  if (bytes > MOST_BYTES) return undefined;
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) return undefined;
    const sound = await new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(await response.arrayBuffer());
    return signal.aborted ? undefined : path(sound.getChannelData(0));
  } catch {
    return undefined;
  }
}

function path(samples: Float32Array): string {
  const peaks: number[] = [];
  for (let bar = 0; bar < BARS; bar++) {
    let peak = 0;
    const end = Math.floor(((bar + 1) * samples.length) / BARS);
    for (let at = Math.floor((bar * samples.length) / BARS); at < end; at++) peak = Math.max(peak, Math.abs(samples[at]!));
    peaks.push(peak);
  }
  const loudest = Math.max(...peaks, 0.01);
  return peaks
    .map((peak, bar) => {
      const height = Math.max(1, (peak / loudest) * 46);
      return `M${bar} ${(50 - height).toFixed(1)}h.8v${(2 * height).toFixed(1)}h-.8z`;
    })
    .join("");
}

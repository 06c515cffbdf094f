const percent = (share) => `${(100 * share).toFixed(1)}%`;

/** What the numbers of a state say, in a sentence. */
export function verdict(state) {
  if (!state.readersTotal) return "No Reader reports.";
  if (!state.channels) return "Nobody watches anything yet.";
  const { meanShare, amplification, wastedShare, readersTotal } = state;
  if (readersTotal === 1) return "There is one Reader, so every channel is on it once.";
  const reach = `A channel reaches ${percent(meanShare)} of the Readers.`;
  if (amplification < 1.005) return `${reach} One copy of each comment, nothing wasted.`;
  return `${reach} One would do: ${amplification.toFixed(1)} copies of each comment, ${Math.round(100 * wastedShare)}% wasted.`;
}

/** What to try next, or why nothing. */
export function advice(state) {
  if (!state.readersTotal) return "Start Readers with STATISTICS_API_URL set to this address.";
  if (!state.channels) return "Open the app, or send viewers: SimClient swarm, or Orchestrator run.";
  if (state.readersTotal === 1) return "Start a second Reader to see how subscriptions spread.";
  const strategies = [...new Set(state.readers.map(({ placement }) => placement).filter(Boolean))];
  if (strategies.length > 1) return `The Readers place by different rules: ${strategies.join(", ")}.`;
  const isAsPredicted = inside(state);
  if (strategies[0] === "random") {
    return state.amplification < 1.2
      ? "Viewers are placed at random, and so few share a channel that it costs little. Send more."
      : `Viewers are placed at random${isAsPredicted ? ", just as the formula says" : ""}. Set PLACEMENT=overflow on the Readers.`;
  }
  if (state.extraSubscriptions > state.subscriptions / 10) {
    return "Many viewers cannot be sent on: let browsers come through the gateway.";
  }
  const rest = residual(state);
  if (state.amplification >= 1.2 && rest !== null && state.meanShare < 0.75 * state.predictedShare) {
    const random = (state.predictedShare * state.readersTotal).toFixed(1);
    return `Placement works: at random it would be ${random} copies. What is left is hot channels, which need more than one Reader.`;
  }
  if (state.amplification < 1.2) return "Placement holds: what is left is hot channels on more than one Reader.";
  if (isAsPredicted) return "This is what random placement leads to: are the Readers' public addresses reachable?";
  return "Viewers who are connected stay where they are: copies fall as they come back.";
}

/** Measured less predicted, and half the width of its 95% interval under random placement; null without viewers. */
export function residual(state) {
  if (state.meanShare == null || state.predictedShare == null) return null;
  return { value: state.meanShare - state.predictedShare, half: 1.96 * (state.predictedDeviation ?? 0) };
}

function inside(state) {
  const rest = residual(state);
  return rest !== null && Math.abs(rest.value) <= rest.half;
}

/** The one rule of placement that all Readers follow; null when they do not. */
export function placementOf(state) {
  const strategies = new Set(state.readers.map(({ placement }) => placement ?? null));
  return strategies.size === 1 ? [...strategies][0] : null;
}

/** Readers that may be missing from a state: how long ago the last report came, in seconds. */
export const STALE_SECONDS = 5;

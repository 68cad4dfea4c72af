/** Idle connections cost little; the cap keeps the process within its file descriptors. */
export const MAX_CONNECTIONS = 10_000

/** Bytes: the most that a pin on the log may keep where the config says nothing, however large the server's own log may grow. */
export const mostWalKept = 8e9;

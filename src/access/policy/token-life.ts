/** No token is accepted for longer than a working shift, whatever its `exp` says. */
export const MAX_TOKEN_SECONDS = 8 * 60 * 60

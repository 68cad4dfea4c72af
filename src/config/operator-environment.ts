/** What the environment says about the person who runs a command, and where they come from. */
export interface OperatorEnvironment {
  production: boolean
  /** STRONGROOM_OPERATOR. */
  name: string | undefined
  /** The user who became another one by sudo. */
  sudoUser: string | undefined
  /** The address that the operator is logged in from by SSH. */
  sshClient: string | undefined
}

export function readOperator(env: NodeJS.ProcessEnv): OperatorEnvironment {
  return {
    production: env.NODE_ENV === 'production',
    name: env.STRONGROOM_OPERATOR || undefined,
    sudoUser: env.SUDO_USER || undefined,
    sshClient: env.SSH_CONNECTION?.split(' ', 1)[0] || undefined,
  }
}

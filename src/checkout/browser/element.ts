type Attributes = Readonly<Record<string, string | undefined>>

/** Makes an element. Texts become text nodes, never markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** Makes these the children. One that stays is not taken out: a list of countries would forget the letters typed in it so far. */
export function arrange(parent: HTMLElement, children: readonly Element[]): void {
  for (const child of [...parent.children]) {
    if (!children.includes(child)) child.remove()
  }
  for (const [at, child] of children.entries()) {
    const there = parent.children[at] ?? null
    if (there !== child) parent.insertBefore(child, there)
  }
}

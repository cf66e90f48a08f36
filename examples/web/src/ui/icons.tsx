// The pictures on the buttons, and the ticks.

import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {children}
    </svg>
  );
}

export const Back = () => (
  <Icon>
    <path d="M15 5l-7 7 7 7" />
  </Icon>
);
export const Plus = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);
export const Send = () => (
  <Icon>
    <path d="M4 12l16-8-6 16-3-7z" />
    <path d="M11 13l9-9" />
  </Icon>
);
export const Close = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);
export const Down = () => (
  <Icon>
    <path d="M6 9l6 6 6-6" />
  </Icon>
);
export const Leave = () => (
  <Icon>
    <path d="M14 4H6v16h8M10 12h11M17 8l4 4-4 4" />
  </Icon>
);
export const Pencil = () => (
  <Icon>
    <path d="M5 19l1-5L16 4l4 4L10 18z" />
  </Icon>
);
export const People = () => (
  <Icon>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 4.5a3.5 3.5 0 0 1 0 7M18 14.5c2 .8 3.2 2.6 3.5 5.5" />
  </Icon>
);
export const Bell = () => (
  <Icon>
    <path d="M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 21h4" />
  </Icon>
);
export const Muted = () => (
  <Icon>
    <path d="M7 8.5A6 6 0 0 0 6 11v5l-1.5 2H17M9 5.8A6 6 0 0 1 18 11v4M10 21h4M4 3l17 18" />
  </Icon>
);
export const Globe = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18" />
  </Icon>
);

/** On its way. */
export const Clock = () => (
  <Icon>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 7.5V12l3 2" />
  </Icon>
);
/** Safe. */
export const Tick = () => (
  <Icon>
    <path d="M5 12.5l5 5L19 7" />
  </Icon>
);
/** Read. */
export const Ticks = () => (
  <Icon>
    <path d="M1.5 12.5l5 5L15 7M10.5 16l1.5 1.5L21.5 7" />
  </Icon>
);

// A window in the page, and one with a form in it. The browser keeps the focus inside and closes it by Escape.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { Close } from "./icons";
import { useWords } from "./words";

interface DialogProps {
  title: string;
  close: () => void;
  /** From the side of the screen instead of in its middle. */
  side?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, close, side, children }: DialogProps) {
  const { words } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class={side ? "side" : ""}
      aria-label={title}
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="inside">
        <header>
          <h2>{title}</h2>
          <button type="button" class="round" aria-label={words.close} onClick={close}>
            <Close />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ActionProps {
  label: string;
  /** Rejects if it does not work; what it says is shown. */
  act: () => Promise<void>;
  children: ComponentChildren;
}

/** A form that does one thing, and says if it could not. */
export function Action({ label, act, children }: ActionProps) {
  const { words } = useWords();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const submit = async () => {
    setBusy(true);
    setProblem("");
    await act().catch((failed: Error) => setProblem(words.failed(failed.message)));
    setBusy(false);
  };
  return (
    <form
      class="action"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {children}
      <button class="primary" disabled={busy}>
        {label}
      </button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

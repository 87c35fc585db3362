// A text filter: "/" focuses it, Escape empties and leaves it.
import { useRef } from "react";
import { useKeys } from "../lib/hooks";
import { CloseIcon, SearchIcon } from "./icons";

type Props = { label: string; value: string; onChange: (value: string) => void };

export function SearchField({ label, value, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => input.current?.focus() });
  return (
    <div className="field search-field" role="search">
      <SearchIcon />
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        maxLength={200}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          onChange("");
          input.current?.blur();
        }}
      />
      {value ? (
        <button
          type="button"
          className="icon-button field-clear"
          aria-label="Clear the filter"
          onClick={() => onChange("")}
        >
          <CloseIcon />
        </button>
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </div>
  );
}

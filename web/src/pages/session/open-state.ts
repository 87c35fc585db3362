// What the reader opened or closed. Kept outside the rows, which come and go while scrolling.
import { createContext, useContext, useState } from "react";

export const OpenStateContext = createContext<Map<string, boolean>>(new Map());

export function useOpen(key: string, byDefault: boolean): [boolean, () => void] {
  const known = useContext(OpenStateContext);
  const [, redraw] = useState(0);
  const isOpen = known.get(key) ?? byDefault;
  return [
    isOpen,
    () => {
      known.set(key, !isOpen);
      redraw((n) => n + 1);
    },
  ];
}

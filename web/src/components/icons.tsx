// Our own small line icons, 16 by 16. They are decoration: the text beside them carries the meaning.
import type { ReactNode } from "react";

function Icon({ children, className }: { children: ReactNode; className?: string | undefined }) {
  return (
    <svg
      className={className ? `icon ${className}` : "icon"}
      viewBox="0 0 16 16"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

type Props = { className?: string };
const draw = (d: string) =>
  function PathIcon({ className }: Props) {
    return (
      <Icon className={className}>
        <path d={d} />
      </Icon>
    );
  };

export const SearchIcon = draw("M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.600 10.600 14 14");
export const SunIcon = draw(
  "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1.100 1.100M11.900 11.900 13 13M3 13l1.100-1.100M11.900 4.100 13 3",
);
export const MoonIcon = draw("M13.500 9.800A6 6 0 0 1 6.200 2.500a6 6 0 1 0 7.300 7.300Z");
export const ChevronIcon = draw("m6 4 4 4-4 4");
export const LinkIcon = draw(
  "M6.500 9.500a3 3 0 0 0 4.300 0l2-2a3 3 0 0 0-4.300-4.300l-.7.7M9.500 6.500a3 3 0 0 0-4.300 0l-2 2a3 3 0 0 0 4.300 4.300l.7-.7",
);
export const ArrowDownIcon = draw("M8 3v10M4 9l4 4 4-4");
export const ArrowUpIcon = draw("M8 13V3M4 7l4-4 4 4");
export const ArrowLeftIcon = draw("M13 8H3M7 4 3 8l4 4");
export const BranchIcon = draw(
  "M4.500 5.500v5M4.500 5.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3ZM4.500 13.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3ZM11.500 6.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3ZM11.500 6.500c0 2.500-2 3-4 3.200-1.500.2-3 .3-3 .8",
);
export const ShieldIcon = draw(
  "M8 1.800 13 3.500v4c0 3.200-2.100 5.600-5 6.700-2.900-1.100-5-3.500-5-6.700v-4L8 1.800Z",
);
export const AgentIcon = draw("M3 3v4a3 3 0 0 0 3 3h7M10 7l3 3-3 3");
export const SignOutIcon = draw("M6 2.500H3.500v11H6M10.500 11l3-3-3-3M13 8H6.500");
export const CloseIcon = draw("M4 4l8 8M12 4l-8 8");
export const InfoIcon = draw(
  "M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13ZM8 7.500v3.500M8 5v.2",
);

/** The mark: a trace that leaves a line of work and ends in a finding. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect className="logo-ground" width="32" height="32" rx="7" />
      <path className="logo-trace" d="M10 25V13.500a5 5 0 0 1 5-5h7" />
      <circle className="logo-end" cx="10" cy="24" r="3.500" />
      <circle className="logo-step" cx="10" cy="16" r="2.200" />
      <circle className="logo-end" cx="22.500" cy="8.500" r="3.500" />
    </svg>
  );
}

import { SearchField } from "../../components/SearchField";
import { sourceLabel } from "../../lib/format";
import type { Project, Workspace } from "../../lib/model";
import { useProjects, useSources } from "../../lib/queries";
import type { SessionsSearch } from "../../router";

type Props = {
  text: string;
  onText: (text: string) => void;
  search: SessionsSearch;
  workspace: string;
  workspaces: Workspace[];
  onChange: (change: SessionsSearch) => void;
};

export function Filters({ text, onText, search, workspace, workspaces, onChange }: Props) {
  const { data: projects = [] } = useProjects(workspace);
  const { data: sources = [] } = useSources(workspace);
  return (
    <div className="filters">
      <SearchField label="Filter by title or project" value={text} onChange={onText} />
      {workspaces.length > 1 && (
        <Choice
          label="Workspace"
          value={workspace}
          options={workspaces.map(({ id, name }) => [id, name])}
          onChange={(id) => onChange({ workspace: id, project: "", source: "" })}
        />
      )}
      <Choice
        label="Project"
        all="All projects"
        value={search.project ?? ""}
        options={projectOptions(projects)}
        onChange={(project) => onChange({ project })}
      />
      <Choice
        label="Tool"
        all="All tools"
        value={search.source ?? ""}
        options={sources.map((source) => [source, sourceLabel(source)])}
        onChange={(source) => onChange({ source })}
      />
    </div>
  );
}

type ChoiceProps = {
  label: string;
  all?: string;
  value: string;
  options: [value: string, label: string][];
  onChange: (value: string) => void;
};

function Choice({ label, all, value, options, onChange }: ChoiceProps) {
  return (
    <div className="field select-field">
      <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
        {all && <option value="">{all}</option>}
        {options.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Names are enough unless two folders share one. */
function projectOptions(projects: Project[]): [string, string][] {
  const seen = new Map<string, number>();
  for (const { name } of projects) seen.set(name, (seen.get(name) ?? 0) + 1);
  return projects.map(({ id, name, root }) => [
    id,
    (seen.get(name) ?? 0) > 1 ? `${name} (${root})` : name,
  ]);
}

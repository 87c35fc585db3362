import { Link } from "@tanstack/react-router";

export function NotFound() {
  return (
    <div className="panel" data-testid="not-found">
      <h1>There is nothing here</h1>
      <p>The address may be mistyped, or the session was deleted or is not shared with you.</p>
      <Link to="/" className="button">
        All sessions
      </Link>
    </div>
  );
}

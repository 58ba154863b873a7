// Links to what a component shows.

const COPIED_MS = 2600;

// Copies a link to what is seen: the page's own parameters and the component's.
export async function copyLink(button, params) {
  const link = `${location.origin}${location.pathname}?${new URLSearchParams(params)}`;
  button.dataset.link = link;
  try {
    await navigator.clipboard.writeText(link);
  } catch {
    window.prompt("Copy this link:", link); // no clipboard without https
    return;
  }
  button.textContent = "Link copied";
  setTimeout(() => {
    button.textContent = "Copy link";
  }, COPIED_MS);
}

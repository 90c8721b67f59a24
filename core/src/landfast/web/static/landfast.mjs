// What makes pages quicker to use; every page answers what it is for without it.

// -- previews: what the browser cannot load says why ---------------------------------------------

for (const media of document.querySelectorAll("[data-fallback]")) {
  const explain = () => {
    const why = document.getElementById(media.dataset.fallback);
    if (why) {
      media.hidden = true;
      why.open = true;
    }
  };
  media.addEventListener("error", explain);
  // It may have failed before this module ran.
  if (media.error || (media.complete && media.naturalWidth === 0)) explain();
}

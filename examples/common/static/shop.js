// Narrows a shelf to what is typed, without asking the server, and tells what was sought.
const field = document.querySelector("#narrow");
field.addEventListener("change", () => {
  const query = field.value.trim();
  let results = 0;
  for (const tile of document.querySelectorAll(".tile")) {
    tile.hidden = !tile.textContent.toLowerCase().includes(query.toLowerCase());
    if (!tile.hidden) results++;
  }
  if (query) track("Products Searched", { query, results, shelf: field.dataset.shelf });
});

// Elements of a walk's player and strip.

export const WALK_MARKUP = `
<div class="walk" data-testid="walk">
  <div class="player" role="group" aria-label="Player">
    <canvas class="stage" data-testid="walk-stage" width="28" height="28" role="img"
      aria-label="The step on the player"></canvas>
    <div class="buttons">
      <button type="button" class="play" aria-label="Play">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path class="start" d="M4 2.5v11l9-5.5z"/>
          <path class="pause" d="M4 3h3v10H4zM9 3h3v10H9z"/></svg>
      </button>
      <input type="range" class="scrub" aria-label="Step" min="0" max="1" step="0.01" value="0">
    </div>
    <div class="settings">
      <span class="where"></span>
      <label><select class="speed" aria-label="Speed">
        <option value="1">1 step/s</option><option value="2">2 steps/s</option>
        <option value="4">4 steps/s</option><option value="8">8 steps/s</option>
        <option value="16">16 steps/s</option>
      </select></label>
    </div>
  </div>
  <div class="cells" data-testid="walk-strip" role="group" aria-label="Steps"></div>
</div>`;

// A fitted scene under SuperSplat's viewer. The viewer and the scene come as text in plain scripts (see viewer.py).
"use strict";
(async () => {
  const holder = document.querySelector("#viewer");
  const said = document.querySelector("#said");
  const view = JSON.parse(holder.dataset.view);
  const off = { enabled: false };
  const settings = {
    version: 2,
    tonemapping: "none",
    highPrecisionRendering: false,
    background: { color: [0, 0, 0] },
    postEffectSettings: {
      sharpness: { ...off, amount: 0 },
      bloom: { ...off, intensity: 1, blurLevel: 2 },
      grading: { ...off, brightness: 0, contrast: 1, saturation: 1, tint: [1, 1, 1] },
      vignette: { ...off, intensity: 0.5, inner: 0.3, outer: 0.75, curvature: 1 },
      fringing: { ...off, intensity: 0.5 },
    },
    animTracks: [],
    cameras: view.camera ? [{ initial: view.camera }] : [],
    annotations: [],
    startMode: "default",
  };
  try {
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("this browser has no WebGL 2");
    said.textContent = "Loading the scene …";
    // The viewer remembers whether its help is open; at first it is, and covers a third of the scene.
    try { localStorage.controlsPanelOpen ??= "false"; } catch { /* storage may be forbidden */ }
    holder.hidden = false;
    const packed = Uint8Array.from(atob(window.splatScene), (letter) => letter.charCodeAt(0));
    const scene = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")));
    const { createViewer } = await import(URL.createObjectURL(new Blob([window.splatViewer], { type: "text/javascript" })));
    let hand;
    const viewer = await createViewer({
      container: holder, settings, contentUrl: "scene.ply", contentFilename: "scene.ply",
      contents: new Promise((resolve) => { hand = resolve; }), renderer: "webgl", noanim: true,
    });
    // The viewer places a scene as if its y pointed down; here it is turned before its camera is placed.
    viewer.app.assets.filter((asset) => asset.type === "gsplat")[0].on("load", () => {
      viewer.app.root.findByName("gsplat").setLocalRotation(...view.turn);
    });
    hand(scene);
    viewer.events.on("loaded:changed", () => {
      viewer.state.cameraMode = "orbit";
      said.textContent = "Drag to turn, scroll to come nearer, right button or two fingers to move.";
      holder.dataset.loaded = "";
    });
  } catch (error) {
    holder.hidden = true;
    said.textContent = `The scene cannot be shown in 3-D here (${error.message}). Below is what there is without it.`;
  }
})();

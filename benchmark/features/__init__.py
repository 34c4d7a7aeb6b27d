"""From an entry and the train views of a scene to `FeatureMaps`: extraction and reduction."""

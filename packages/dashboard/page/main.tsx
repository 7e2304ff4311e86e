import { render } from 'preact';
import './page.css';
import { Replay } from '../src/replay/replay.ts';

const replay = new Replay();
const app = document.getElementById('app')!;
const source = new EventSource('v1/events?from=0');
source.onmessage = ({ data }: MessageEvent<string>) => {
  for (const line of data.split('\n')) replay.readLine(line);
  render(
    <main>
      {replay.run}: {replay.state.name}, step {replay.step} of {replay.totalSteps}
    </main>,
    app,
  );
};

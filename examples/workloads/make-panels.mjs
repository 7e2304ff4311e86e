// node examples/workloads/make-panels.mjs > examples/workloads/panels.csv
//
// Where panels.csv comes from: weather drawn at random, and the power by the usual approximations. A cell's temperature rises with
// the light and falls with the wind; each degree above 25 °C costs 0.4 % of the power; dust and a bad angle take their share.
const ROWS = 2_400;
let state = 20_260_317;

function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

const between = (least, most) => least + (most - least) * random();

console.log('# Made by make-panels.mjs: no measurements.');
console.log('irradiance,airTemperature,wind,tilt,dust,watts');
for (let row = 0; row < ROWS; row++) {
  const irradiance = between(50, 1050);
  const airTemperature = between(-5, 40);
  const wind = between(0, 12);
  const tilt = between(0, 60);
  const dust = between(0, 1);
  const cell = airTemperature + (irradiance * 0.032) / (1 + 0.12 * wind);
  const angle = 1 - ((tilt - 33) / 90) ** 2;
  const watts = 0.41 * irradiance * angle * (1 - 0.004 * (cell - 25)) * (1 - 0.18 * dust) + between(-4, 4);
  console.log(
    [irradiance.toFixed(0), airTemperature.toFixed(1), wind.toFixed(1), tilt.toFixed(0), dust.toFixed(2), Math.max(0, watts).toFixed(1)].join(), // prettier-ignore
  );
}
